//! Every key with its explanation; the nearest known key to a misspelt one.

/// Sections in the order of a configuration file, each with its keys and what they mean.
pub const SECTIONS: [(&str, &[(&str, &str)]); 5] = [
    (
        "data",
        &[
            ("layout", "how the data set lies on disk: facades, cityscapes, pairs or synthetic"),
            ("dir", "the data set's folder (not for synthetic)"),
            ("classes", "number of label classes, 2 to 256"),
            ("instances", "whether an instance edge map goes to the low-resolution stream and the discriminators"),
            ("input", "what the generator is fed: labels or rgb"),
            ("output", "what it draws: rgb or depth"),
            ("depth_scale", "levels of a depth map that make one unit; without it the largest level is depth_max"),
            ("depth_max", "the depth that the network's 1 stands for, in units; what lies farther counts as this far"),
            ("depth_invalid", "the level of a depth map that means \"not measured\": such pixels count nowhere"),
            ("size", "[height, width] in pixels, multiples of generator.tile (or 2^halvings); one number for a square"),
            ("load_size", "[height, width] to resize to before the random crop of resize-and-crop; without it: size"),
            ("resize", "resize-and-crop, fixed (to size), crop (without resizing) or none (pictures have this size)"),
            ("flip", "whether a training pair is mirrored left to right with probability 1/2"),
            ("workers", "threads that prepare batches while the network works"),
            ("count", "number of training pairs (only synthetic)"),
            ("val_count", "number of validation pairs (only synthetic)"),
        ],
    ),
    (
        "generator",
        &[
            (
                "kind",
                "which generator: asap, or one that the paper compares with, then the keys from width_factor on hold: \
                 pix2pix-unet, pix2pix-resnet, pix2pixhd, pix2pixhd-local, spade, cc-fpse",
            ),
            ("tile", "S: side in pixels of the tile that shares one set of parameters; a power of two"),
            ("learned_factor", "S2: the part of S learnt by strided convolutions; a power of two"),
            ("width", "channels of the first convolution and of every strided one but the last"),
            ("max_width", "channels of the last strided convolution and of those after it"),
            ("depth", "number of 3x3 convolutions of stride 1 after the strided ones"),
            ("mlp_width", "channels of the pixelwise networks' hidden layers"),
            ("mlp_depth", "number of layers of the pixelwise networks"),
            ("padding", "what the low-resolution stream's convolutions see beyond the border: reflect or zero"),
            ("positions", "whether the pixelwise networks see a pixel's position in its tile"),
            ("spatially_varying", "whether each tile has parameters of its own"),
            ("width_factor", "what a compared generator's published widths are multiplied by"),
            (
                "halvings",
                "how often a compared generator halves sides (spade, cc-fpse: doubles them); without it: as published",
            ),
            ("blocks", "residual blocks of pix2pix-resnet and pix2pixhd; without it: as published"),
            ("dropout", "whether pix2pix's networks are trained with dropout, which moves a residual network's keys"),
        ],
    ),
    (
        "discriminator",
        &[
            ("scales", "number of discriminators, each on a picture of half the size; 3 at 1024x1024"),
            ("layers", "number of convolutions before the one that gives the verdicts"),
            ("width", "channels of the first convolution; each later one has twice as many"),
            ("max_width", "the most channels a convolution has"),
            ("spectral_norm", "whether weights are divided by their largest singular value"),
        ],
    ),
    (
        "loss",
        &[
            ("lambda_feat", "weight of feature matching; 0 turns it off"),
            ("lambda_vgg", "weight of the perceptual loss, which needs vgg_weights; 0 turns it off"),
            ("lambda_l1", "weight of the mean absolute difference of the pictures; 0 turns it off"),
            ("vgg_weights", "file with VGG19's weights: torchvision's .pth, or a safetensors file with its keys"),
        ],
    ),
    (
        "train",
        &[
            ("epochs", "passes through the training pairs"),
            ("decay_epochs", "number of last epochs over which the learning rates fall towards zero"),
            ("steps", "stop after this many rounds, even if epochs are left"),
            ("minutes", "stop after rounds that took this many minutes together, even if epochs are left"),
            ("batch", "pairs in a batch"),
            ("init_gain", "gain of the Xavier normal initialisation"),
            ("lr_generator", "Adam's learning rate for the generator"),
            ("lr_discriminator", "Adam's learning rate for the discriminators"),
            ("beta1", "Adam's decay of the mean of gradients"),
            ("beta2", "Adam's decay of the mean of squared gradients"),
            ("seed", "seed of weights, order, augmentation and synthetic facades"),
            ("save_every", "rounds between two checkpoints; 0: only at the end"),
            ("sample_every", "rounds between two validations, each with a picture of samples; 0: only at the end"),
            ("validate_count", "the most validation pairs that are measured; of more, as many at equal distances"),
        ],
    ),
];

/// The keys of one section, or `None` if there is no such section.
pub fn of_section(section: &str) -> Option<&'static [(&'static str, &'static str)]> {
    SECTIONS.iter().find(|(name, _)| *name == section).map(|(_, keys)| *keys)
}

/// What is wrong with a section that does not exist.
pub(super) fn unknown_section(section: &str) -> String {
    let names: Vec<String> = SECTIONS.iter().map(|(name, _)| format!("[{name}]")).collect();
    // A key without its section is the likelier slip where the name is a key's own.
    let suggestion = match nearest(section, all_keys()) {
        Some(key) if distance(section, &key) == 0 => format!("; `{key}` is the key that ends so"),
        _ => match nearest(section, SECTIONS.iter().map(|(name, _)| name.to_string())) {
            Some(name) => format!("; did you mean [{name}]?"),
            None => String::new(),
        },
    };
    format!("there is no section [{section}], only {}{suggestion}", names.join(", "))
}

/// What is wrong with a key that does not exist in a section that does.
pub(super) fn unknown_key(section: &str, key: &str) -> String {
    let own = of_section(section).unwrap_or_default();
    let in_section = nearest(key, own.iter().map(|(name, _)| format!("{section}.{name}")));
    match in_section.or_else(|| nearest(key, all_keys())) {
        Some(known) => format!("there is no key {section}.{key}; did you mean {known}?"),
        None => {
            let names: Vec<&str> = own.iter().map(|(name, _)| *name).collect();
            format!("there is no key {section}.{key}; [{section}] has {}", names.join(", "))
        }
    }
}

/// Every key with its section, as in `train.batch`.
pub(super) fn all_keys() -> impl Iterator<Item = String> {
    SECTIONS.iter().flat_map(|(section, keys)| keys.iter().map(move |(key, _)| format!("{section}.{key}")))
}

/// The candidate whose last part is nearest to `wrong`, if one is near enough to have been meant.
pub(super) fn nearest(wrong: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let allowed = (wrong.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (distance(wrong, &candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edit distance (insertions, deletions, replacements, exchanges of neighbours) to the candidate's last part.
fn distance(wrong: &str, candidate: &str) -> usize {
    let last = candidate.rsplit('.').next().unwrap_or(candidate);
    strsim::osa_distance(&wrong.to_lowercase(), last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_meets_the_nearest_one() {
        assert!(unknown_key("generator", "tiel").contains("did you mean generator.tile?"));
        assert!(unknown_key("train", "lr_generater").contains("did you mean train.lr_generator?"));
        assert!(unknown_key("train", "tile").contains("did you mean generator.tile?"));
        assert!(unknown_key("loss", "zzzzz").contains("lambda_feat, lambda_vgg, lambda_l1, vgg_weights"));
        assert!(unknown_section("trian").contains("did you mean [train]?"));
        assert!(unknown_section("batch").contains("`train.batch`"));
    }
}
