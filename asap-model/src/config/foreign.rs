//! Settings by the names that other projects give them.

use super::schema::Key;

/// Keys with their names elsewhere: in pix2pix, pix2pixHD, SPADE, PyTorch Lightning, timm, YOLO and plain scripts. Case, `-`
/// and `_` do not count. Keys with a published option need no entry for it.
const NAMES: &[(&[&str], &[&str])] = &[
    (&["data.layout"], &["dataset_mode", "dataset_type", "data_format"]),
    (&["data.dir"], &["root", "dataroot", "data_dir", "data_path", "data_root", "dataset", "dataset_dir", "folder"]),
    (&["data.classes"], &["num_classes", "n_classes", "nclass", "nc", "num_labels", "semantic_nc"]),
    (&["data.instances"], &["use_instances", "instance", "instance_maps", "edges", "edge_maps"]),
    (&["data.input"], &["input_type", "input_kind"]),
    (&["data.output"], &["output_type", "output_kind"]),
    (&["data.size"], &["crop_size", "fine_size", "img_size", "image_size", "imgsz", "resolution", "input_size"]),
    (&["data.load_size"], &["scale_size", "resize_size"]),
    (&["data.resize"], &["preprocess", "preprocess_mode", "resize_or_crop", "resize_mode"]),
    (&["data.flip"], &["hflip", "horizontal_flip", "random_flip", "fliplr"]),
    (&["data.workers"], &["num_workers", "n_workers", "nThreads", "n_threads", "num_threads", "n_cpu"]),
    (&["generator.kind"], &["type", "model", "netG", "arch", "architecture", "model_name", "backbone"]),
    (&["generator.width", "generator.width_factor"], &["ngf", "base_channels", "base_width"]),
    (&["generator.tile"], &["tile_size", "patch_size"]),
    (&["generator.padding"], &["padding_type", "padding_mode"]),
    (&["discriminator.scales"], &["n_scales", "num_scales", "num_discriminators"]),
    (&["loss.lambda_feat"], &["feat", "fm", "feature_matching", "lambda_fm", "feat_weight", "fm_weight"]),
    (&["loss.lambda_vgg"], &["vgg", "perceptual", "lambda_perceptual", "vgg_weight", "perceptual_weight", "lpips"]),
    (&["loss.lambda_l1"], &["l1", "l1_weight", "pixel", "recon", "reconstruction", "lambda_pixel", "lambda_recon"]),
    (&["loss.lambda_charbonnier"], &["charbonnier", "charbonnier_weight"]),
    (&["loss.lambda_label_mix"], &["lambda_labelmix", "labelmix", "label_mix"]),
    (&["loss.vgg_weights"], &["vgg_path", "vgg_file", "vgg_checkpoint"]),
    (&["train.epochs"], &["n_epochs", "num_epochs", "max_epochs", "niter", "epoch", "num_train_epochs"]),
    (&["train.decay_epochs"], &["niter_decay", "n_epochs_decay", "lr_decay_epochs"]),
    (
        &["train.steps"],
        &[
            "max_steps",
            "num_steps",
            "n_steps",
            "total_steps",
            "iters",
            "iterations",
            "max_iter",
            "max_iters",
            "num_iters",
        ],
    ),
    (&["train.minutes"], &["max_minutes", "time_limit", "max_time"]),
    (&["train.batch"], &["batch_size", "bs", "train_batch_size", "mini_batch", "mini_batch_size", "b"]),
    (&["train.lr_generator", "train.lr_discriminator"], &["lr", "learning_rate", "base_lr", "lr0", "initial_lr"]),
    (&["train.lr_generator"], &["lr_g", "g_lr", "gen_lr", "generator_lr", "lr_gen"]),
    (&["train.lr_discriminator"], &["lr_d", "d_lr", "disc_lr", "discriminator_lr", "lr_disc"]),
    (&["train.beta1"], &["adam_beta1", "b1"]),
    (&["train.beta2"], &["adam_beta2", "b2"]),
    (&["train.seed"], &["random_seed", "manual_seed", "rng_seed"]),
    (&["train.init_gain"], &["gain", "init_variance", "init_std"]),
    (
        &["train.save_every"],
        &["save_interval", "save_freq", "save_epoch_freq", "save_latest_freq", "save_steps", "checkpoint_every"],
    ),
    (
        &["train.sample_every"],
        &[
            "display_freq",
            "sample_interval",
            "validate_every",
            "val_interval",
            "eval_every",
            "eval_interval",
            "eval_steps",
        ],
    ),
    (&["train.keep_best"], &["save_best", "monitor"]),
];

/// The paths of the keys that a name stands for: of the key itself, with or without its section, or in other projects. Empty
/// if it is not known.
pub(super) fn keys_meant_by(name: &str, keys: &[Key]) -> Vec<String> {
    let (whole, last) = (plain(name), plain(name.rsplit_once('.').map_or(name, |(_, last)| last)));
    let matching = |is_meant: &dyn Fn(&Key) -> bool| -> Vec<String> {
        keys.iter().filter(|key| is_meant(key)).map(Key::path).collect()
    };
    let exact = matching(&|key| plain(&key.path()) == whole);
    let exact = if exact.is_empty() { matching(&|key| plain(key.name) == last) } else { exact };
    let published =
        if exact.is_empty() { matching(&|key| key.published.is_some_and(|p| plain(p) == last)) } else { exact };
    if !published.is_empty() {
        return published;
    }
    let known = NAMES.iter().filter(|(_, names)| names.iter().any(|known| plain(known) == last));
    let paths: Vec<&str> = known.flat_map(|(paths, _)| paths.iter().copied()).collect();
    matching(&|key| paths.contains(&key.path().as_str()))
}

/// Without case, `-` and `_`.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn known_names_lead_to_existing_keys() {
        let paths: Vec<String> = Config::all_keys().iter().map(Key::path).collect();
        for (keys, names) in NAMES {
            assert!(keys.iter().all(|key| paths.iter().any(|path| path == key)), "{keys:?}");
            for name in *names {
                assert!(!Config::keys_meant_by(name).is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn keys_have_several_names() {
        for (name, keys) in [
            ("batch-size", &["train.batch"][..]),
            ("batchSize", &["train.batch"]),
            ("optimizer.lr", &["train.lr_generator", "train.lr_discriminator"]),
            ("label_nc", &["data.classes"]),
            ("ndf", &["discriminator.width"]),
            ("train.size", &["data.size"]),
            ("lambda-L1", &["loss.lambda_l1"]),
            ("data.root", &["data.dir"]),
            ("zzz", &[]),
        ] {
            assert_eq!(Config::keys_meant_by(name), keys, "{name}");
        }
    }
}
