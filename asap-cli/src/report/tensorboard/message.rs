//! The few protobuf messages, as bytes: `Event`, `SessionLog` and `Summary` of `tensorflow/core/util/event.proto` and
//! `tensorflow/core/framework/summary.proto`.

/// `SessionLog.SessionStatus`.
const START: u64 = 1;
/// `Image.colorspace`: RGB.
const RGB: u64 = 3;

/// The first event of every file: the version of the format. `time` is in seconds since 1970, here and below.
pub fn version(time: f64) -> Message {
    Message::event(time).bytes(3, b"brain.Event:2")
}

/// The start of a session at a step. Values that earlier files have of that step and later ones no longer count.
pub fn start(time: f64, step: u64) -> Message {
    let session = Message::default().varint(1, START);
    Message::event(time).varint(2, step).bytes(7, &session.0)
}

/// The values of a step.
pub fn summary(time: f64, step: u64, values: impl IntoIterator<Item = Message>) -> Message {
    let summary = values.into_iter().fold(Message::default(), |summary, value| summary.bytes(1, &value.0));
    Message::event(time).varint(2, step).bytes(5, &summary.0)
}

/// A value: a scalar.
pub fn scalar(tag: &str, value: f64) -> Message {
    Message::default().bytes(1, tag.as_bytes()).float(2, value as f32)
}

/// A value: an image, encoded as PNG or JPEG.
pub fn image(tag: &str, [height, width]: [usize; 2], bytes: &[u8]) -> Message {
    let image = Message::default().varint(1, height as u64).varint(2, width as u64).varint(3, RGB).bytes(4, bytes);
    Message::default().bytes(1, tag.as_bytes()).bytes(4, &image.0)
}

/// The bytes of a message. A field is its number and wire type, then its content.
#[derive(Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    /// An `Event`, whose first field is the wall time.
    fn event(time: f64) -> Self {
        Message::default().key(1, 1).raw(&time.to_le_bytes())
    }

    fn varint(self, field: u64, value: u64) -> Self {
        self.key(field, 0).raw_varint(value)
    }

    fn float(self, field: u64, value: f32) -> Self {
        self.key(field, 5).raw(&value.to_le_bytes())
    }

    fn bytes(self, field: u64, value: &[u8]) -> Self {
        self.key(field, 2).raw_varint(value.len() as u64).raw(value)
    }

    fn key(self, field: u64, wire_type: u64) -> Self {
        self.raw_varint((field << 3) | wire_type)
    }

    /// Seven bits a byte, the lowest first; the highest bit is set if more follow.
    fn raw_varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalar_matches_the_format() {
        let expected = [
            &[0x09][..],
            &1.5f64.to_le_bytes(),
            // Step 300 takes two bytes.
            &[0x10, 0xac, 0x02],
            // A summary of nine bytes with a value of seven: the tag, then the value.
            &[0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15],
            &0.25f32.to_le_bytes(),
        ];
        assert_eq!(summary(1.5, 300, [scalar("a", 0.25)]).0, expected.concat());
    }

    #[test]
    fn image_matches_the_format() {
        let message = super::image("s", [2, 200], b"png");
        let image = [0x08, 2, 0x10, 0xc8, 0x01, 0x18, 3, 0x22, 3, b'p', b'n', b'g'];
        assert_eq!(message.0, [&[0x0a, 1, b's', 0x22, 12][..], &image].concat());
    }

    #[test]
    fn session_starts_at_its_step() {
        assert_eq!(start(0.0, 5).0[9..], [0x10, 5, 0x3a, 2, 0x08, 1]);
    }
}
