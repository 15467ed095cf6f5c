//! The Laplacian pyramid (Burt & Adelson 1983) of one channel.

/// The binomial filter of five taps along one axis; the image is mirrored about its outermost pixels.
const TAPS: [f64; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// The minimum side of a level, except the first.
const MIN_SIDE: usize = 16;

/// One channel, row-major.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub height: usize,
    pub width: usize,
    pub data: Vec<f64>,
}

/// [height, width] of every level of a pyramid: each half of the one before, rounded up, as long as no side is shorter
/// than 16.
pub(super) fn level_sizes(mut size: [usize; 2]) -> Vec<[usize; 2]> {
    let mut sizes = vec![size];
    loop {
        size = size.map(|side| side.div_ceil(2));
        if size[0].min(size[1]) < MIN_SIDE || sizes.last() == Some(&size) {
            return sizes;
        }
        sizes.push(size);
    }
}

/// The levels of a channel: each minus the next one, enlarged; and the last as it is.
pub(super) fn laplacian(channel: Channel) -> Vec<Channel> {
    let count = level_sizes([channel.height, channel.width]).len();
    let mut levels = vec![channel];
    for level in 0..count - 1 {
        let next = down(&levels[level]);
        let enlarged = up(&next, levels[level].height, levels[level].width);
        levels[level].data.iter_mut().zip(enlarged.data).for_each(|(x, smooth)| *x -= smooth);
        levels.push(next);
    }
    levels
}

/// Smoothed and subsampled to every second row and column.
fn down(x: &Channel) -> Channel {
    let smooth = filter(x);
    let (height, width) = (x.height.div_ceil(2), x.width.div_ceil(2));
    let pixel = |i: usize| smooth.data[2 * (i / width) * x.width + 2 * (i % width)];
    Channel { height, width, data: (0..height * width).map(pixel).collect() }
}

/// Zeros inserted after every row and column, smoothed: `height`×`width`, the size that [`down`] halves to x's.
fn up(x: &Channel, height: usize, width: usize) -> Channel {
    let mut data = vec![0.0; height * width];
    for (i, &value) in x.data.iter().enumerate() {
        // Only a quarter of the pixels are not zero.
        data[2 * (i / x.width) * width + 2 * (i % x.width)] = 4.0 * value;
    }
    filter(&Channel { height, width, data })
}

fn filter(x: &Channel) -> Channel {
    let Channel { height, width, .. } = *x;
    let sum = |place: usize, size: usize, value: &dyn Fn(usize) -> f64| -> f64 {
        TAPS.iter().enumerate().map(|(tap, weight)| weight * value(mirrored(place + tap, size))).sum()
    };
    let mut across = Vec::with_capacity(x.data.len());
    for row in x.data.chunks_exact(width) {
        across.extend((0..width).map(|column| sum(column, width, &|i| row[i])));
    }
    let mut data = Vec::with_capacity(x.data.len());
    for row in 0..height {
        data.extend((0..width).map(|column| sum(row, height, &|i| across[i * width + column])));
    }
    Channel { height, width, data }
}

/// The index of the pixel at `place` − 2 on an axis mirrored at both ends.
fn mirrored(place: usize, size: usize) -> usize {
    if size == 1 {
        return 0;
    }
    let period = 2 * (size - 1);
    let place = (place + 2 * period - 2) % period;
    place.min(period - place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_is_mirrored_about_its_outermost_pixels() {
        let seen: Vec<usize> = (0..7).map(|place| mirrored(place, 3)).collect();
        assert_eq!(seen, [2, 1, 0, 1, 2, 1, 0]);
        assert_eq!([mirrored(0, 2), mirrored(1, 2), mirrored(2, 2), mirrored(5, 2)], [0, 1, 0, 1]);
        assert_eq!(mirrored(3, 1), 0);
    }

    #[test]
    fn levels_halve_down_to_sixteen() {
        assert_eq!(level_sizes([64, 50]), [[64, 50], [32, 25]]);
        assert_eq!(level_sizes([128, 256]), [[128, 256], [64, 128], [32, 64], [16, 32]]);
        assert_eq!(level_sizes([9, 300]), [[9, 300]]);
    }

    #[test]
    fn constant_image_has_no_detail() {
        let levels = laplacian(Channel { height: 32, width: 64, data: vec![7.0; 32 * 64] });
        assert_eq!(levels.len(), 2);
        assert!(levels[0].data.iter().all(|x| x.abs() < 1e-12));
        assert!(levels[1].data.iter().all(|x| (x - 7.0).abs() < 1e-12));
    }
}
