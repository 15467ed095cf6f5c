//! Whole rounds of training, from given weights on given batches.

use asap_tensor::Backend;

use super::Comparison;
use super::case::{Case, Quantity, relative_error};
use crate::Result;
use crate::config::{AsapNetConfig, Config, DataConfig, DiscriminatorConfig};
use crate::network::{Blank, Network};
use crate::round::{Game, Rates};
use crate::vgg::Vgg19;

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let mut config = Config {
        data: DataConfig::from_published(case.options())?,
        generator: AsapNetConfig::from_published(case.options())?.into(),
        discriminator: DiscriminatorConfig::from_published(case.options())?,
        ..Config::default()
    };
    config.loss.lambda_feat = case.number("lambda_feat")?;
    config.loss.lambda_vgg = case.number("lambda_vgg")?;
    let beta = |index: usize| {
        let beta = case.entry["betas"][index].as_f64();
        beta.ok_or_else(|| case.fault(format!("its entry in the index has no betas[{index}]")))
    };
    (config.train.beta1, config.train.beta2) = (beta(0)?, beta(1)?);
    let rates = Rates { generator: case.number("lr_G")?, discriminator: case.number("lr_D")? };

    let vgg = match config.loss.lambda_vgg {
        0.0 => None,
        _ => Some(Vgg19::load(backend, case.checkpoint("_vgg")?)?),
    };
    let mut game = Game::new(backend, &config, vgg, &mut Blank)?;
    game.generator.load(&case.checkpoint("_net_G")?)?;
    game.discriminator.load(&case.checkpoint("_net_D")?)?;

    for round in 0..case.number("steps")? as usize {
        let condition = case.condition(backend, &format!("step{round}."), config.data.classes)?;
        let real = case.tensor(backend, &format!("step{round}.image"))?;
        let (losses, fake) = game.round(&condition, &real, rates)?;
        report(case.compare(&format!("step{round}.fake"), &fake, Quantity::Training)?);
        for (name, found) in losses.named() {
            let expected = case.entry["losses"][round][name].as_f64();
            let expected = expected.ok_or_else(|| case.fault(format!("round {round} has no loss {name}")))?;
            let error = relative_error(&[found], &[expected as f32]);
            let quantity = format!("step{round}.{name}");
            report(Comparison { quantity, error, tolerance: Quantity::Training.tolerance::<B>() });
        }
    }

    let networks = [("final.G.", game.generator.parameters()), ("final.D.", game.discriminator.parameters())];
    for (prefix, parameters) in networks {
        for (key, _) in case.starting(prefix) {
            let parameter = parameters.iter().find(|p| p.name() == key);
            let parameter = parameter.ok_or_else(|| case.fault(format!("{prefix}{key}: there is no such weight")))?;
            report(case.compare(&format!("{prefix}{key}"), parameter.value(), Quantity::Training)?);
        }
    }
    Ok(())
}
