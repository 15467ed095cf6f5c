//! Where the pictures of an evaluation come from: a generator and a data set, or two folders.

use std::path::{Path, PathBuf};

use asap_tensor::Backend;

use crate::config::{DataConfig, DepthScale, Output, Resize};
use crate::data::{Picture, Source, read_picture};
use crate::inference::Translator;
use crate::{Error, Result};

/// A picture as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// What it is called in messages.
    pub name: PathBuf,
    /// The picture.
    pub picture: Picture,
    /// [height, width] before it was resized or cropped.
    pub own_size: [usize; 2],
}

/// Drawn pictures and real ones.
pub trait Pictures {
    /// How many are drawn, and how many are real; equal where they are pairs.
    fn counts(&self) -> [usize; 2];

    /// Whether the drawn picture of an index belongs to the real one of that index.
    fn is_paired(&self) -> bool;

    /// What they are: colours or depths.
    fn output(&self) -> Output;

    /// What the levels of depth maps mean, where a configuration says so.
    fn depth(&self) -> Option<DepthScale> {
        None
    }

    /// A drawn picture.
    ///
    /// # Errors
    /// If it can't be read or drawn.
    fn drawn(&self, index: usize) -> Result<Shown>;

    /// A real picture.
    ///
    /// # Errors
    /// If it can't be read.
    fn real(&self, index: usize) -> Result<Shown>;

    /// Both.
    ///
    /// # Errors
    /// As [`drawn`](Self::drawn) and [`real`](Self::real).
    fn pair(&self, index: usize) -> Result<(Shown, Shown)> {
        Ok((self.drawn(index)?, self.real(index)?))
    }
}

/// What a generator draws for the inputs of a data set, beside its pictures.
pub struct Drawn<'a, B: Backend> {
    /// The generator.
    pub translator: &'a Translator<B>,
    /// The pairs.
    pub source: &'a dyn Source,
    /// Whether each picture is drawn at its input's own size. Else pairs are brought to `data.size` as in validation:
    /// pictures bicubic, ids nearest. Depths are always compared at the real map's own size, to which the drawn map is
    /// resized, so that levels without a depth are not mixed with others.
    pub own_size: bool,
}

impl<B: Backend> Drawn<'_, B> {
    fn data(&self) -> &DataConfig {
        &self.translator.config().data
    }
}

impl<B: Backend> Pictures for Drawn<'_, B> {
    fn counts(&self) -> [usize; 2] {
        [self.source.len(); 2]
    }

    fn is_paired(&self) -> bool {
        true
    }

    fn output(&self) -> Output {
        self.data().output
    }

    fn depth(&self) -> Option<DepthScale> {
        self.data().depth()
    }

    fn drawn(&self, index: usize) -> Result<Shown> {
        Ok(self.pair(index)?.0)
    }

    fn real(&self, index: usize) -> Result<Shown> {
        let example = self.source.get(index)?;
        let (name, own_size) = (PathBuf::from(&example.input.name), example.target.size());
        if self.own_size || self.output() == Output::Depth {
            return Ok(Shown { name, picture: example.target, own_size });
        }
        Ok(Shown { name, picture: example.prepare(self.data(), None)?.target, own_size })
    }

    fn pair(&self, index: usize) -> Result<(Shown, Shown)> {
        let example = self.source.get(index)?;
        let (name, own_size) = (PathBuf::from(&example.input.name), example.target.size());
        let shown = |picture| Shown { name: name.clone(), picture, own_size };
        if self.own_size || self.output() == Output::Depth {
            let resized = !self.own_size && self.data().resize != Resize::Crop;
            let drawn = self.translator.translate(&example.input, resized)?;
            let drawn = match drawn.size() == own_size {
                true => drawn,
                false => drawn.resize(own_size, false),
            };
            return Ok((shown(drawn), shown(example.target)));
        }
        let example = example.prepare(self.data(), None)?;
        Ok((shown(self.translator.translate(&example.input, false)?), shown(example.target)))
    }
}

/// Pictures in files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The drawn ones.
    pub drawn: Vec<PathBuf>,
    /// The real ones.
    pub real: Vec<PathBuf>,
    /// Whether they belong together, in order.
    pub paired: bool,
    /// What they are.
    pub output: Output,
    /// [height, width] that all are resized to, bicubic, depth maps nearest; `None` leaves each its own.
    pub size: Option<[usize; 2]>,
}

impl Files {
    fn read(&self, file: &Path) -> Result<Shown> {
        let picture = read_picture(file, self.output)?;
        let own_size = picture.size();
        let picture = match self.size {
            Some(size) if own_size != size => picture.resize(size, self.output == Output::Depth),
            _ => picture,
        };
        Ok(Shown { name: file.to_owned(), picture, own_size })
    }
}

impl Pictures for Files {
    fn counts(&self) -> [usize; 2] {
        [self.drawn.len(), self.real.len()]
    }

    fn is_paired(&self) -> bool {
        self.paired
    }

    fn output(&self) -> Output {
        self.output
    }

    fn drawn(&self, index: usize) -> Result<Shown> {
        self.read(&self.drawn[index])
    }

    fn real(&self, index: usize) -> Result<Shown> {
        self.read(&self.real[index])
    }

    fn pair(&self, index: usize) -> Result<(Shown, Shown)> {
        let (drawn, real) = (self.drawn(index)?, self.real(index)?);
        let (of_drawn, of_real) = (drawn.picture.size(), real.picture.size());
        if of_drawn == of_real {
            return Ok((drawn, real));
        }
        let problem = format!(
            "is {}×{} pixels, but {} is {}×{}; pairs are compared at one size: give it by --size",
            of_drawn[1],
            of_drawn[0],
            real.name.display(),
            of_real[1],
            of_real[0]
        );
        Err(Error::Data { file: drawn.name, problem })
    }
}
