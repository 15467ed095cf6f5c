//! In what the configurations of several generators differ.

use asap_model::Config;
use asap_model::config::{DataConfig, InputKind};
use serde_json::{Map, Value};
use toml::Value as Toml;

/// Keys that do not affect what a generator computes: speed, intervals, paths of weights.
const WITHOUT_EFFECT: [&str; 5] =
    ["data.workers", "loss.vgg_weights", "train.save_every", "train.sample_every", "train.validate_count"];

/// A configuration key with a value for each generator.
pub struct Difference {
    pub key: String,
    /// `None` where it is not set, or the kind of generator does not have it.
    pub values: Vec<Option<Toml>>,
}

/// Every key of two or more configurations that does not have one value in all of them.
pub fn differences(configs: &[Config]) -> Vec<Difference> {
    let has = |config: &Config, path: &str| config.keys().iter().any(|key| key.path() == path);
    let paths = Config::all_keys().into_iter().map(|key| key.path());
    let paths = paths.filter(|path| !WITHOUT_EFFECT.contains(&path.as_str()));
    let difference = |key: String| {
        let values: Vec<Option<Toml>> = configs.iter().map(|config| config.get(&key)).collect();
        let mut own = configs.iter().zip(&values).filter(|(config, _)| has(config, &key)).map(|(_, value)| value);
        let first = own.next()?;
        own.any(|value| value != first).then_some(Difference { key, values })
    };
    paths.filter_map(difference).collect()
}

impl Difference {
    /// A generator's value as text.
    pub fn text(&self, generator: usize) -> String {
        self.values[generator].as_ref().map_or("unset".into(), Toml::to_string)
    }
}

/// The keys in which a generator differs from the first, with its values.
pub fn to_json(differences: &[Difference], generator: usize) -> Value {
    let own = differences.iter().filter(|difference| difference.values[generator] != difference.values[0]);
    let value = |difference: &Difference| serde_json::to_value(&difference.values[generator]).unwrap_or_default();
    Value::Object(own.map(|difference| (difference.key.clone(), value(difference))).collect::<Map<_, _>>())
}

/// Why a generator can't be run on the inputs of the first, or compared with its outputs.
pub fn incomparable(own: &DataConfig, first: &DataConfig) -> Option<String> {
    let describe = |data: &DataConfig| {
        let classes = match data.input {
            InputKind::Labels => format!(", data.classes {}", data.classes),
            // Unused.
            InputKind::Image => String::new(),
        };
        // Maps are shown in the colors of one scale.
        let invalid = data.depth_invalid.map(f64::from);
        let depth = [("scale", data.depth_scale), ("max", data.depth_max), ("invalid", invalid)];
        let depth = depth.into_iter().filter_map(|(key, value)| Some(format!(", data.depth_{key} {}", value?)));
        let depth: String = depth.collect();
        format!("data.input {}, data.output {}{classes}{depth}", data.input.name(), data.output.name())
    };
    let (own, first) = (describe(own), describe(first));
    (own != first).then(|| {
        format!(
            "its inputs or outputs differ from the first generator's ({own}; the first: {first}): compare generators of \
             one dataset"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(sets: [&[&str]; 2]) -> [Config; 2] {
        sets.map(|set| {
            let mut config = Config::preset("quickstart").unwrap();
            config.set_all(&set.iter().map(|&assignment| assignment.into()).collect::<Vec<_>>()).unwrap();
            config
        })
    }

    #[test]
    fn differences_are_keys_that_both_have() {
        let named = |configs: &[Config]| -> Vec<String> {
            let text = |found: &Difference| format!("{} {} {}", found.key, found.text(0), found.text(1));
            differences(configs).iter().map(text).collect()
        };
        let ablation = configs([&["train.steps=5", "data.workers=0"], &["data.instances=true", "generator.width=8"]]);
        assert_eq!(named(&ablation), ["data.instances false true", "generator.width 16 8", "train.steps 5 unset"]);
        assert_eq!(to_json(&differences(&ablation), 0), serde_json::json!({}));
        let json = serde_json::json!({ "data.instances": true, "generator.width": 8, "train.steps": null });
        assert_eq!(to_json(&differences(&ablation), 1), json);
        // A baseline's own keys are not differences: the kind is.
        assert_eq!(named(&configs([&[], &["generator.kind=spade"]])), ["generator.kind \"asap\" \"spade\""]);
    }

    #[test]
    fn only_inputs_and_outputs_must_agree() {
        let why = |set: &[&str]| {
            let [first, own] = configs([&[], set]);
            incomparable(&own.data, &first.data)
        };
        assert_eq!(why(&["data.instances=true", "data.size=64", "data.resize=crop", "data.dir=elsewhere"]), None);
        assert!(why(&["data.classes=14"]).unwrap().contains("data.classes 14; the first: "));
        assert!(why(&["data.output=depth"]).unwrap().contains("data.output depth"));
    }
}
