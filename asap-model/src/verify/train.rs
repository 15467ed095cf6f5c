//! Training steps from given weights on given batches.

use asap_tensor::Backend;

use super::case::{Case, Comparison, Quantity};
use crate::Result;
use crate::config::{AsapNetConfig, Config, DataConfig, PatchConfig};
use crate::networks::Vgg19;
use crate::nn::{Blank, Target};
use crate::training::step::{Gan, Rates};

pub(super) fn recompute<B: Backend>(backend: &B, case: &Case, report: &mut dyn FnMut(Comparison)) -> Result<()> {
    let mut config = Config {
        data: DataConfig::from_published(case.options())?,
        generator: AsapNetConfig::from_published(case.options())?.into(),
        discriminator: PatchConfig::from_published(case.options())?.into(),
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
    let mut gan = Gan::new(backend, &config, vgg, &mut Blank)?;
    gan.generator.params.load(&case.checkpoint("_net_G")?)?;
    gan.discriminator.params.load(&case.checkpoint("_net_D")?)?;

    for step in 0..case.number("steps")? as usize {
        let input = case.input(backend, &format!("step{step}."), config.data.label_channels())?;
        let target = Target::new(case.tensor(backend, &format!("step{step}.image"))?);
        let (losses, fake) = gan.training_step(&input, &target, rates)?;
        report(case.compare(&format!("step{step}.fake"), &fake, Quantity::Training)?);
        for (name, found) in losses.0 {
            // The published code logs D_fake as D_Fake.
            let published = case.entry["losses"][step].as_object().into_iter().flatten();
            let expected =
                published.filter(|(other, _)| other.eq_ignore_ascii_case(name)).find_map(|(_, loss)| loss.as_f64());
            let expected = expected.ok_or_else(|| case.fault(format!("step {step} has no loss {name}")))?;
            let quantity = format!("step{step}.{name}");
            report(Comparison::of_scalar::<B>(quantity, found, expected, Quantity::Training));
        }
    }

    for (prefix, params) in [("final.G.", &gan.generator.params), ("final.D.", &gan.discriminator.params)] {
        case.compare_each(prefix, Quantity::Training, report, |key| Some(params.find(key)?.value()))?;
    }
    Ok(())
}
