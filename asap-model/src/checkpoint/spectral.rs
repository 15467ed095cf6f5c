//! The forms of spectral norm in checkpoints, converted to the network's.
//!
//! The network computes W/σ with σ = uᵀWv, from the tensors `weight_orig` (W), `weight_u` and `weight_v`. Other forms:
//!
//! | file | conversion |
//! |---|---|
//! | no `weight_v` (PyTorch before 1.1) | v = Wᵀu/‖Wᵀu‖ |
//! | no `weight_u` | u and v by power iteration |
//! | either, with the plain `weight` = W/σ beside it | v is scaled, so that uᵀWv is that σ |
//! | the plain `weight` alone, as `remove_spectral_norm` leaves it | it is W; u and v by power iteration, with uᵀWv = 1 |
//! | a network without spectral norm | its `weight` is W/σ |
//!
//! In evaluation the network computes what the checkpoint's did. In training the next step computes another v from u.

use std::borrow::Cow;
use std::collections::BTreeMap;

use asap_tensor::random::normal;

use super::HostTensor;
use super::wrapped::{Network, Tensors};

/// Maximum number of power iterations.
const ITERATIONS: usize = 100;

/// Relative change of σ at which they stop.
const TOLERANCE: f64 = 1e-7;

/// What was converted, with the layers.
#[derive(Debug, Default)]
struct Conversions(BTreeMap<&'static str, Vec<String>>);

/// Converts spectral norms to the forms that the network has.
pub(super) fn convert(tensors: &mut Tensors<'_>, network: &Network<'_>, notes: &mut Vec<String>) {
    let mut done = Conversions::default();
    let mut norms: Option<[f64; 2]> = None;
    for key in network.keys() {
        if let Some(layer) = key.strip_suffix("weight_orig") {
            if let Some(norm) = normalized(layer, tensors, network, &mut done) {
                let [low, high] = norms.unwrap_or([norm; 2]);
                norms = Some([low.min(norm), high.max(norm)]);
            }
        } else if let Some(layer) = key.strip_suffix("weight") {
            fold(layer, tensors, &mut done);
        }
    }
    for (what, layers) in done.0 {
        let list =
            if layers.len() == 1 { layers[0].clone() } else { format!("{} layers, first {}", layers.len(), layers[0]) };
        notes.push(format!("{what}: {list}"));
    }
    if let Some([low, high]) = norms {
        notes.push(format!(
            "the largest singular values of weights without spectral norm are from {low:.3} to {high:.3}; they are about 1 \
             if it was removed after training"
        ));
    }
}

/// A layer of the network with spectral norm. Returns the norm of a weight that has none.
fn normalized(layer: &str, tensors: &mut Tensors<'_>, network: &Network<'_>, done: &mut Conversions) -> Option<f64> {
    let [plain, original, u_key, v_key] =
        ["weight", "weight_orig", "weight_u", "weight_v"].map(|k| format!("{layer}{k}"));
    let plain = tensors.get(&plain).filter(|_| !network.contains_key(&*plain)).cloned().map(|tensor| (plain, tensor));
    let Some(weight) = tensors.get(&original).cloned() else {
        let (plain, weight) = plain?;
        let matrix = Matrix::new(&weight)?;
        let (u, v) = matrix.singular_vectors(layer);
        let norm = matrix.sigma(&u, &v);
        if norm == 0.0 {
            return None;
        }
        tensors.remove(&plain);
        tensors.insert(u_key, vector(&u, 1.0));
        tensors.insert(v_key, vector(&v, 1.0 / norm));
        tensors.insert(original, weight);
        done.add("took plain weights as already divided by their spectral norm", layer);
        return Some(norm);
    };
    let matrix = Matrix::new(&weight)?;
    let [mut u, mut v] = [(&u_key, matrix.rows), (&v_key, matrix.columns)].map(|(key, count)| {
        let tensor = tensors.get(key)?;
        (tensor.data.len() == count).then(|| tensor.data.iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
    });
    let complete = u.is_some() && v.is_some();
    if u.is_none() && !tensors.contains_key(&u_key) {
        (u, v) = {
            let (u, v) = matrix.singular_vectors(layer);
            (Some(u), Some(v))
        };
        done.add("computed weight_u and weight_v of spectral norm by power iteration", layer);
    } else if v.is_none() && !tensors.contains_key(&v_key) {
        v = u.as_ref().map(|u| unit(matrix.transposed_times(u)));
        done.add("computed weight_v of spectral norm from weight_u", layer);
    }
    let (u, v) = (u?, v?);
    let mut scale = 1.0;
    if let Some((plain, normalized)) = plain {
        let sigma = ratio(&weight.data, &normalized.data).unwrap_or(0.0) / matrix.sigma(&u, &v);
        if !complete && normalized.shape == weight.shape && sigma.is_finite() && sigma != 0.0 {
            scale = sigma;
        }
        tensors.remove(&plain);
        done.add("dropped the plain weight beside weight_orig", layer);
    }
    // Also where older versions saved rows or columns.
    for (key, values, scale) in [(u_key, u, 1.0), (v_key, v, scale)] {
        if tensors.get(&key).is_none_or(|tensor| tensor.shape.len() != 1 || scale != 1.0) {
            tensors.insert(key, vector(&values, scale));
        }
    }
    None
}

/// A layer of the network without spectral norm: where the checkpoint has one, its weight is divided by its norm.
fn fold(layer: &str, tensors: &mut Tensors<'_>, done: &mut Conversions) {
    let [plain, original, u_key, v_key] =
        ["weight", "weight_orig", "weight_u", "weight_v"].map(|k| format!("{layer}{k}"));
    let (Some(weight), Some(u)) = (tensors.get(&original), tensors.get(&u_key)) else { return };
    if !tensors.contains_key(&plain) {
        let Some(matrix) = Matrix::new(weight).filter(|matrix| matrix.rows == u.data.len()) else { return };
        let u: Vec<f64> = u.data.iter().map(|&x| x.into()).collect();
        let v = match tensors.get(&v_key) {
            Some(v) if v.data.len() == matrix.columns => v.data.iter().map(|&x| x.into()).collect(),
            Some(_) => return,
            None => unit(matrix.transposed_times(&u)),
        };
        let sigma = matrix.sigma(&u, &v);
        let data = weight.data.iter().map(|&w| (f64::from(w) / sigma) as f32).collect();
        let weight = HostTensor { shape: weight.shape.clone(), data };
        tensors.insert(plain, Cow::Owned(weight));
    }
    [original, u_key, v_key].iter().for_each(|key| drop(tensors.remove(key)));
    done.add("divided weights by their spectral norm, as this network has none", layer);
}

impl Conversions {
    fn add(&mut self, what: &'static str, layer: &str) {
        self.0.entry(what).or_default().push(layer.strip_suffix('.').unwrap_or(layer).to_owned());
    }
}

/// A weight (O, I, R, S) as a matrix (O, I·R·S).
struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// `None` for a tensor that is no weight, or an empty one.
    fn new(weight: &'a HostTensor) -> Option<Self> {
        let (&rows, patch) = weight.shape.split_first()?;
        let columns = patch.iter().product();
        let is_weight = !patch.is_empty() && rows > 0 && columns > 0;
        is_weight.then_some(Matrix { values: &weight.data, rows, columns })
    }

    fn times(&self, v: &[f64]) -> Vec<f64> {
        self.values.chunks(self.columns).map(|row| row.iter().zip(v).map(|(&w, v)| f64::from(w) * v).sum()).collect()
    }

    fn transposed_times(&self, u: &[f64]) -> Vec<f64> {
        let mut product = vec![0.0; self.columns];
        for (row, u) in self.values.chunks(self.columns).zip(u) {
            product.iter_mut().zip(row).for_each(|(sum, &w)| *sum += f64::from(w) * u);
        }
        product
    }

    /// uᵀWv.
    fn sigma(&self, u: &[f64], v: &[f64]) -> f64 {
        self.times(v).iter().zip(u).map(|(x, u)| x * u).sum()
    }

    /// The singular vectors of the largest singular value, by power iteration from random values of this name.
    fn singular_vectors(&self, name: &str) -> (Vec<f64>, Vec<f64>) {
        let random = normal(0, name, self.rows, 1.0);
        let mut u = unit(random.into_iter().map(f64::from).collect());
        let (mut v, mut sigma) = (Vec::new(), 0.0);
        for _ in 0..ITERATIONS {
            v = unit(self.transposed_times(&u));
            let product = self.times(&v);
            let before = std::mem::replace(&mut sigma, norm(&product));
            u = unit(product);
            if (sigma - before).abs() <= TOLERANCE * sigma {
                break;
            }
        }
        (u, v)
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// x/‖x‖.
fn unit(mut x: Vec<f64>) -> Vec<f64> {
    let norm = norm(&x).max(f64::MIN_POSITIVE);
    x.iter_mut().for_each(|x| *x /= norm);
    x
}

/// The factor from b to a, by least squares; `None` if b is zero.
fn ratio(a: &[f32], b: &[f32]) -> Option<f64> {
    let dot = |a: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    let square = dot(b);
    (square > 0.0).then(|| dot(a) / square)
}

fn vector<'a>(values: &[f64], scale: f64) -> Cow<'a, HostTensor> {
    let data: Vec<f32> = values.iter().map(|x| (x * scale) as f32).collect();
    Cow::Owned(HostTensor { shape: vec![data.len()], data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Weights;

    const NETWORK: [(&str, &[usize]); 3] =
        [("c.weight_orig", &[3, 2, 2, 1]), ("c.weight_u", &[3]), ("c.weight_v", &[4])];

    fn tensor(shape: &[usize], data: &[f64]) -> HostTensor {
        HostTensor { shape: shape.into(), data: data.iter().map(|&x| x as f32).collect() }
    }

    /// W, and u and v after some power iterations.
    fn layer() -> (HostTensor, Vec<f64>, Vec<f64>) {
        let values: Vec<f64> = normal(1, "w", 12, 1.0).into_iter().map(f64::from).collect();
        let weight = tensor(&[3, 2, 2, 1], &values);
        let matrix = Matrix::new(&weight).unwrap();
        let mut u = unit(vec![1.0, -0.5, 0.25]);
        let mut v = Vec::new();
        for _ in 0..2 {
            v = unit(matrix.transposed_times(&u));
            u = unit(matrix.times(&v));
        }
        (weight, u, v)
    }

    /// W/σ as the network computes it from converted tensors.
    fn effective(weights: Weights, network: &[(&'static str, &'static [usize])]) -> (Vec<f64>, Vec<String>) {
        let mut tensors: Tensors<'_> = weights.into_iter().map(|(key, tensor)| (key, Cow::Owned(tensor))).collect();
        let mut notes = Vec::new();
        convert(&mut tensors, &network.iter().copied().collect(), &mut notes);
        assert_eq!(tensors.keys().collect::<Vec<_>>(), network.iter().map(|(key, _)| key).collect::<Vec<_>>());
        for (key, shape) in network {
            assert_eq!(tensors[*key].shape, *shape, "{key}");
        }
        let Some(weight) = tensors.get("c.weight_orig") else {
            return (tensors["c.weight"].data.iter().map(|&w| w.into()).collect(), notes);
        };
        let [u, v] =
            ["c.weight_u", "c.weight_v"].map(|k| tensors[k].data.iter().map(|&x| x.into()).collect::<Vec<f64>>());
        let sigma = Matrix::new(weight).unwrap().sigma(&u, &v);
        (weight.data.iter().map(|&w| f64::from(w) / sigma).collect(), notes)
    }

    fn assert_near(found: &[f64], expected: impl Iterator<Item = f64>) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} should be {expected}");
        }
    }

    /// The checkpoint's tensors by the last part of their keys.
    fn file(tensors: &[(&str, HostTensor)]) -> Weights {
        tensors.iter().map(|(key, tensor)| (format!("c.{key}"), tensor.clone())).collect()
    }

    #[test]
    fn missing_v_follows_from_u() {
        let (weight, u, _) = layer();
        let matrix = Matrix::new(&weight).unwrap();
        let sigma = norm(&matrix.transposed_times(&u));
        for shape in [vec![3], vec![1, 3], vec![3, 1]] {
            let u = tensor(&shape, &u);
            let (found, notes) = effective(file(&[("weight_orig", weight.clone()), ("weight_u", u)]), &NETWORK);
            assert_near(&found, weight.data.iter().map(|&w| f64::from(w) / sigma));
            assert_eq!(notes, ["computed weight_v of spectral norm from weight_u: c"]);
        }
    }

    #[test]
    fn plain_weight_beside_decides_sigma() {
        let (weight, u, v) = layer();
        let sigma = 0.97 * Matrix::new(&weight).unwrap().sigma(&u, &v);
        let scaled: Vec<f64> = weight.data.iter().map(|&w| f64::from(w) / sigma).collect();
        let tensors = [
            ("weight_orig", weight.clone()),
            ("weight_u", tensor(&[3], &u)),
            ("weight", tensor(&[3, 2, 2, 1], &scaled)),
        ];
        let (found, _) = effective(file(&tensors), &NETWORK);
        assert_near(&found, scaled.iter().copied());
        let without_u = [tensors[0].clone(), tensors[2].clone()];
        assert_near(&effective(file(&without_u), &NETWORK).0, scaled.into_iter());
    }

    #[test]
    fn plain_weight_beside_all_is_dropped() {
        let (weight, u, v) = layer();
        let sigma = Matrix::new(&weight).unwrap().sigma(&u, &v);
        let tensors = [
            ("weight_orig", weight.clone()),
            ("weight_u", tensor(&[3], &u)),
            ("weight_v", tensor(&[4], &v)),
            ("weight", tensor(&[3, 2, 2, 1], &[9.0; 12])),
        ];
        let (found, notes) = effective(file(&tensors), &NETWORK);
        assert_near(&found, weight.data.iter().map(|&w| f64::from(w) / sigma));
        assert_eq!(notes, ["dropped the plain weight beside weight_orig: c"]);
    }

    #[test]
    fn removed_norm_leaves_the_weight_as_it_is() {
        let (weight, ..) = layer();
        let (found, notes) = effective(file(&[("weight", weight.clone())]), &NETWORK);
        assert_near(&found, weight.data.iter().map(|&w| w.into()));
        assert!(notes[1].contains("largest singular values"), "{notes:?}");
    }

    #[test]
    fn networks_without_norm_get_the_divided_weight() {
        let (weight, u, v) = layer();
        let sigma = Matrix::new(&weight).unwrap().sigma(&u, &v);
        let tensors = [("weight_orig", weight.clone()), ("weight_u", tensor(&[3], &u)), ("weight_v", tensor(&[4], &v))];
        let (found, notes) = effective(file(&tensors), &[("c.weight", &[3, 2, 2, 1])]);
        assert_near(&found, weight.data.iter().map(|&w| f64::from(w) / sigma));
        assert_eq!(notes.len(), 1);
    }

    /// Nothing to divide by: the tensors stay, and are reported as those of another network.
    #[test]
    fn zero_weights_stay() {
        let mut tensors = Tensors::from([("c.weight".to_owned(), Cow::Owned(tensor(&[3, 2, 2, 1], &[0.0; 12])))]);
        convert(&mut tensors, &Network::from(NETWORK), &mut Vec::new());
        assert_eq!(tensors.keys().collect::<Vec<_>>(), ["c.weight"]);
    }
}
