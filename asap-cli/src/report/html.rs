//! What the pages of the program share: head, style, images.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::palette::Class;
use super::preview::Preview;

const STYLE: &str = include_str!("style.css");

/// A page without scripts or external files, which browsers reload after `refresh` seconds.
pub fn document(title: &str, refresh: Option<u32>, body: &Markup) -> String {
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(seconds) = refresh { meta http-equiv="refresh" content=(seconds); }
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (body) } }
        }
    };
    html.into_string()
}

/// An image inside the page.
pub fn image(preview: &Preview, alt: &str) -> Markup {
    let data = format!("data:{};base64,{}", preview.mime, BASE64_STANDARD.encode(&preview.bytes));
    html! { img src=(data) alt=(alt) width=(preview.width) height=(preview.height); }
}

/// A fact of the header's list, if it is known.
pub fn fact(name: &str, value: Option<String>, aside: Option<String>) -> Markup {
    html! {
        @if let Some(value) = value {
            div { dt { (name) } dd { (value) @if let Some(aside) = aside { small { " " (aside) } } } }
        }
    }
}

/// The colors and names of classes, some with a note.
pub fn legend(classes: &[(Class, Option<String>)]) -> Markup {
    html! {
        ul.legend {
            @for (Class { id, name, color: [r, g, b] }, note) in classes {
                li {
                    span.swatch style={ "background:rgb(" (r) "," (g) "," (b) ")" } {}
                    (name)
                    @if *name != id.to_string() { small { " " (id) } }
                    @if let Some(note) = note { small { " · " (note) } }
                }
            }
        }
    }
}
