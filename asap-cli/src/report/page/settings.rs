//! The configuration as tables.

use asap_model::config::{Config, Key};
use maud::{Markup, html};
use toml::Value;

/// The keys that differ from the defaults, which are the paper's; below, collapsed, all keys.
pub fn tables(config: &Config) -> Markup {
    let shown = |value: Option<Value>| match value {
        Some(Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => "–".into(),
    };
    let row = |key: Key| [key.path(), key.help(), shown(key.value.clone()), shown(key.default)];
    let all: Vec<[String; 4]> = config.keys().into_iter().map(row).collect();
    let other: Vec<_> = all.iter().filter(|[_, _, value, default]| value != default).collect();
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

fn table(rows: &[&[String; 4]]) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Key" } th scope="col" { "Value" } th scope="col" { "Default" } } }
            tbody {
                @for [key, help, value, default] in rows {
                    tr {
                        th scope="row" { code { (key) } small { (help) } }
                        td { (value) }
                        td { (default) }
                    }
                }
            }
        }
    }
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
