//! Finds a network's tensors in a file whose keys have prefixes: those of modules that wrap it (`module.`,
//! `_orig_mod.`), of dictionaries around it (`state_dict.`), or of one of several networks (`netG.`, `netD.`).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{HostTensor, Weights, shown};

/// Tensors by the keys of a network: a file's own, or converted ones.
pub(super) type Tensors<'a> = BTreeMap<String, Cow<'a, HostTensor>>;

/// The shapes of a network's tensors by their keys.
pub(super) type Network<'a> = BTreeMap<&'a str, &'a [usize]>;

/// Parts of keys that PyTorch's wrappers add, at any depth.
const WRAPPERS: [&str; 4] = ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

/// Maximum parts of a prefix.
const MAX_PARTS: usize = 8;

/// Maximum number of names in a message.
const LISTED: usize = 6;

/// How many of a network's tensors have a prefix: with the network's shapes, and with any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    shapes: usize,
    keys: usize,
}

/// How many tensors of a file are left out, by the first part of their keys.
pub type Unused = BTreeMap<String, usize>;

/// The network's tensors by its own keys. Tensors with other prefixes are left out; those with the same prefix are kept
/// under the rest of their keys, whether the network has them or not.
pub(super) fn strip<'a>(weights: &'a Weights, network: &Network<'_>, notes: &mut Vec<String>) -> (Tensors<'a>, Unused) {
    let found = prefixes(weights, network);
    let prefix = best(&found);
    let (mut tensors, mut unused, mut wrapped) = (Tensors::new(), Unused::new(), None);
    for (key, tensor) in weights {
        let Some(rest) = below(key, &prefix) else {
            *unused.entry(key.split('.').next().unwrap_or(key).to_owned()).or_default() += 1;
            continue;
        };
        let own = own_key(&rest.split('.').collect::<Vec<_>>());
        // A second tensor of the same name stays what it is, so that it is reported.
        let own = if shape(network, &own).is_some() && !tensors.contains_key(&own) { own } else { rest.into() };
        if rest.split('.').skip(1).any(|part| WRAPPERS.contains(&part)) && rest != own {
            wrapped.get_or_insert(key);
        }
        tensors.insert(own, Cow::Borrowed(tensor));
    }
    if !prefix.is_empty() {
        notes.push(format!("removed the prefix {}. from its keys", shown(&prefix)));
    }
    let same: Vec<String> = found
        .iter()
        .filter(|(other, count)| **other != prefix && **count == found[&prefix])
        .map(|(other, _)| if other.is_empty() { "without a prefix".into() } else { format!("{}.", shown(other)) })
        .collect();
    if !same.is_empty() {
        let same = same[..same.len().min(LISTED)].join(", ");
        notes.push(format!(
            "it has the same network several times, also {same}: to use that, save it as a file of its own"
        ));
    }
    if let Some(key) = wrapped {
        notes.push(format!(
            "ignored the names of wrappers ({}) inside its keys, as in {}",
            WRAPPERS.join(", "),
            shown(key)
        ));
    }
    (tensors, unused)
}

/// What is left out, in words.
pub(super) fn unused_note(unused: &Unused) -> Option<String> {
    let list: Vec<String> =
        unused.iter().take(LISTED).map(|(name, count)| format!("{} ({count})", shown(name))).collect();
    let more = if unused.len() > LISTED { ", …" } else { "" };
    let count: usize = unused.values().sum();
    (count > 0)
        .then(|| format!("{count} tensors of other networks or optimizers are not used: {}{more}", list.join(", ")))
}

/// How many of a network's keys a file has, below the prefix that has most of them.
pub(super) fn count(weights: &Weights, network: &Network<'_>) -> usize {
    let found = prefixes(weights, network);
    found[&best(&found)].keys
}

/// The prefixes below which the file has tensors of the network; the empty one among them.
fn prefixes(weights: &Weights, network: &Network<'_>) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::from([(String::new(), Found::default())]);
    for (key, tensor) in weights {
        let parts: Vec<&str> = key.split('.').collect();
        for start in 0..parts.len().min(MAX_PARTS + 1) {
            // A wrapper's name belongs to the prefix.
            if WRAPPERS.contains(&parts[start]) {
                continue;
            }
            if let Some(shape) = shape(network, &own_key(&parts[start..])) {
                let found = found.entry(parts[..start].join(".")).or_default();
                found.keys += 1;
                found.shapes += usize::from(tensor.shape == shape);
            }
        }
    }
    found
}

/// The prefix with most tensors of the network; of several, weights averaged over training steps (EMA), then the shortest.
fn best(found: &BTreeMap<String, Found>) -> String {
    let is_average = |prefix: &str| prefix.split(['.', '_', '-']).any(|word| word.eq_ignore_ascii_case("ema"));
    let rank = |prefix: &String| (found[prefix], is_average(prefix), Reverse(prefix.len()), Reverse(prefix.clone()));
    found.keys().max_by_key(|prefix| rank(prefix)).cloned().unwrap_or_default()
}

/// The rest of a key below a prefix.
fn below<'k>(key: &'k str, prefix: &str) -> Option<&'k str> {
    if prefix.is_empty() { Some(key) } else { key.strip_prefix(prefix)?.strip_prefix('.') }
}

/// The shape of the network's tensor for which a key stands: of its own, or of the other form of a weight, with spectral
/// norm or without.
fn shape<'n>(network: &Network<'n>, key: &str) -> Option<&'n [usize]> {
    let other = || {
        let plain = key.strip_suffix("_orig").and_then(|plain| network.get(plain));
        plain.or_else(|| network.get(&*format!("{}_orig", key.strip_suffix("weight").map(|_| key)?)))
    };
    network.get(key).or_else(other).copied()
}

/// A key from its parts: without wrappers, and with the usual names of spectral norm's tensors. PyTorch's parametrizations
/// have others, and so has the implementation from before PyTorch had one.
fn own_key(parts: &[&str]) -> String {
    let mut parts: Vec<&str> = parts.iter().copied().filter(|part| !WRAPPERS.contains(part)).collect();
    let spectral = match &parts[..] {
        [.., "parametrizations", "weight", "original"] => Some((3, "weight_orig")),
        [.., "parametrizations", "weight", "0", "_u"] => Some((4, "weight_u")),
        [.., "parametrizations", "weight", "0", "_v"] => Some((4, "weight_v")),
        [.., "weight_bar"] => Some((1, "weight_orig")),
        _ => None,
    };
    if let Some((count, name)) = spectral {
        parts.truncate(parts.len() - count);
        parts.push(name);
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(keys: &[&str]) -> Weights {
        keys.iter().map(|key| (key.to_string(), HostTensor { shape: vec![2], data: vec![0.0; 2] })).collect()
    }

    fn stripped(keys: &[&str]) -> (Vec<String>, Vec<String>) {
        let network = Network::from([("a.weight", &[2][..]), ("b.weight_orig", &[2]), ("b.weight_u", &[2])]);
        let mut notes = Vec::new();
        let weights = weights(keys);
        let (tensors, unused) = strip(&weights, &network, &mut notes);
        notes.extend(unused_note(&unused));
        (tensors.into_keys().collect(), notes)
    }

    const OWN: [&str; 3] = ["a.weight", "b.weight_orig", "b.weight_u"];

    #[test]
    fn own_keys_stay() {
        assert_eq!(stripped(&OWN), (OWN.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn prefixes_are_removed_and_reported() {
        for prefix in
            ["module", "_orig_mod", "state_dict", "netG", "state_dict.netG", "module._orig_mod", "a.b.c.model"]
        {
            let keys = OWN.map(|key| format!("{prefix}.{key}"));
            let (own, notes) = stripped(&keys.each_ref().map(String::as_str));
            assert_eq!(own, OWN, "{prefix}");
            assert_eq!(notes, [format!("removed the prefix {prefix}. from its keys")]);
        }
    }

    #[test]
    fn the_network_is_found_among_others() {
        let keys =
            ["epoch", "netD.c.weight", "netD.d.weight", "netG.a.weight", "netG.b.weight_orig", "netG.b.weight_u"];
        let (own, notes) = stripped(&keys);
        assert_eq!(own, OWN);
        assert!(notes[1].starts_with("3 tensors") && notes[1].ends_with("not used: epoch (1), netD (2)"), "{notes:?}");
    }

    #[test]
    fn averaged_weights_are_preferred() {
        let both: Vec<String> =
            ["params", "params_ema"].iter().flat_map(|p| OWN.map(|key| format!("{p}.{key}"))).collect();
        let (own, notes) = stripped(&both.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(own, OWN);
        assert!(notes[0].contains("prefix params_ema."), "{notes:?}");
        assert!(notes[1].contains("several times, also params.:"), "{notes:?}");
    }

    #[test]
    fn wrappers_inside_keys_are_ignored() {
        let (own, notes) = stripped(&["a._orig_mod.weight", "b.module.weight_bar", "b.module.weight_u"]);
        assert_eq!(own, OWN);
        assert!(notes[0].contains("as in a._orig_mod.weight"), "{notes:?}");
    }

    #[test]
    fn what_the_network_lacks_keeps_its_key() {
        let (own, notes) = stripped(&["m.a.weight", "m.module.z", "m.b.weight_orig"]);
        assert_eq!(own, ["a.weight", "b.weight_orig", "module.z"]);
        assert_eq!(notes.len(), 1);
    }
}
