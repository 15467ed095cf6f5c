//! A configuration whose training steps take milliseconds.

use asap_model::config::{AsapNetConfig, Config, Layout, PatchConfig, Resize};

/// Networks of a few channels, facades of 16×16 pixels; three epochs of five steps.
pub fn tiny() -> Config {
    let mut config = Config::default();
    config.data.layout = Layout::Synthetic;
    config.data.resize = Resize::None;
    config.data.size = [16, 16];
    config.data.count = 11;
    config.data.val_count = 6;
    config.generator = AsapNetConfig {
        tile: 4,
        learned_factor: 4,
        width: 3,
        max_width: 5,
        depth: 1,
        mlp_width: 6,
        mlp_depth: 2,
        ..AsapNetConfig::default()
    }
    .into();
    config.discriminator = PatchConfig { width: 2, max_width: 4, ..PatchConfig::default() }.into();
    config.loss.lambda_vgg = 0.0;
    config.train.batch = 2;
    config.train.epochs = 3;
    config.train.decay_epochs = 2;
    config.train.init_gain = 1.0;
    config.train.seed = 7;
    config.train.validate_count = 5;
    config
}
