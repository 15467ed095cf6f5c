//! The configuration as tables.

use asap_model::config::{Config, Key};
use maud::{Markup, html};
use toml::Value;

/// A key with its value.
struct Setting {
    key: String,
    value: String,
    default: String,
    meaning: String,
}

/// The keys that differ from the defaults, which are the paper's; below, collapsed, all keys.
pub fn tables(config: &Config) -> Markup {
    let all = settings(config);
    let other: Vec<&Setting> = all.iter().filter(|setting| setting.value != setting.default).collect();
    html! {
        @if other.is_empty() {
            p { "Every value is the default, which is the paper’s for facades at 256×256." }
        } @else {
            p.note { "Different from the defaults, which are the paper’s for facades at 256×256:" }
            div.scroll { (table(&other)) }
        }
        details {
            summary { "All " (all.len()) " keys" }
            div.scroll { (table(&all.iter().collect::<Vec<_>>())) }
        }
    }
}

fn table(settings: &[&Setting]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } th scope="col" { "Default" } } }
            tbody {
                @for setting in settings {
                    tr {
                        th scope="row" { code { (setting.key) } small { (setting.meaning) } }
                        td { (setting.value) }
                        td { (setting.default) }
                    }
                }
            }
        }
    }
}

/// Every key, in the order of a configuration file.
fn settings(config: &Config) -> Vec<Setting> {
    let shown = |value: Option<Value>| match value {
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => "–".into(),
    };
    let setting = |key: Key| Setting {
        key: key.path(),
        value: shown(key.value.clone()),
        meaning: key.help(),
        default: shown(key.default),
    };
    config.keys().into_iter().map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_keys_come_first() {
        let mut config = Config::default();
        config.set("train.lr_generator=3e-3").unwrap();
        config.set("data.dir=<b>&photos").unwrap();
        let text = tables(&config).into_string();
        let (first, all) = text.split_once("<details>").unwrap();
        assert_eq!(first.matches("<tr>").count(), 1 + 2);
        assert!(first.contains("train.lr_generator") && first.contains("0.003") && first.contains("0.0001"));
        assert!(first.contains("&lt;b&gt;&amp;photos") && !text.contains("<b>"));
        assert_eq!(all.matches("<tr>").count(), 1 + config.keys().len());
        assert!(tables(&Config::default()).into_string().contains("Every value is the default"));
    }
}
