//! The training loop, resuming, the dry run.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use asap_tensor::Backend;

use super::metrics_log::MetricsLog;
use super::observer::{Event, Observer, Observers, Started, StepReport, Summary};
use super::pairs::Pairs;
use super::resume;
use super::run_folder::{RunFolder, set_aside};
use super::schedule::Schedule;
use super::sources::Sources;
use super::state::{self, State};
use super::step::Gan;
use super::validation::{History, kept, validate};
use crate::checkpoint;
use crate::config::Config;
use crate::data::{Batch, Loader, LoaderOptions, Purpose};
use crate::evaluation::Measure;
use crate::networks::{Generator, Vgg19};
use crate::nn::{Blank, Initializer, XavierNormal};
use crate::{Error, Result};

/// A run: networks, data, schedule and run folder.
pub struct Trainer<B: Backend> {
    backend: B,
    config: Config,
    sources: Sources,
    schedule: Schedule,
    /// The networks and their optimizers as they are now.
    pub networks: Gan<B>,
    folder: RunFolder,
    metrics: MetricsLog,
    /// The step of the newest checkpoint.
    saved: u64,
    /// The step whose generator was kept by `train.keep_best`, and its value.
    best: Option<(u64, f64)>,
    /// Warnings to report when training starts.
    warnings: Vec<String>,
    /// Keeps other processes out of the run folder.
    _lock: File,
}

impl<B: Backend> Trainer<B> {
    /// A new run in `out_dir`, or in the next free folder ([`super::next_free`]). The folder is made last, once
    /// everything else has been checked.
    ///
    /// # Errors
    /// [`Error::Config`] for a configuration that can't be trained, such as a perceptual loss without VGG19's weights;
    /// [`Error::Checkpoint`] if those can't be read; [`Error::Data`] if there are no validation pairs.
    pub fn new(backend: B, config: Config, out_dir: &Path, sources: Sources) -> Result<Self> {
        Self::start(backend, config, sources, None, || RunFolder::create(out_dir))
    }

    /// As [`Trainer::new`], from the weights of an initializer, such as [`super::Initial`]; optimizers and step start anew.
    pub fn fine_tune(
        backend: B,
        config: Config,
        out_dir: &Path,
        sources: Sources,
        init: &mut dyn Initializer,
    ) -> Result<Self> {
        Self::start(backend, config, sources, Some(init), || RunFolder::create(out_dir))
    }

    /// Restarts the run in `run_dir`, which stopped before its first checkpoint, and clears its log.
    ///
    /// # Errors
    /// As [`Trainer::new`]; also [`Error::Config`] if there is a checkpoint, or another process trains there.
    pub fn restart(backend: B, config: Config, run_dir: &Path, sources: Sources) -> Result<Self> {
        Self::start(backend, config, sources, None, || match RunFolder::open(run_dir)? {
            folder if folder.never_saved()? => Ok(folder),
            _ => {
                let problem = "it has a checkpoint: resume from that, or train in another folder".to_string();
                Err(Error::Config { origin: run_dir.display().to_string(), problem })
            }
        })
    }

    fn start(
        backend: B,
        config: Config,
        sources: Sources,
        init: Option<&mut dyn Initializer>,
        folder: impl FnOnce() -> Result<RunFolder>,
    ) -> Result<Self> {
        let mut new = XavierNormal { seed: config.train.seed, gain: config.train.init_gain };
        let (schedule, networks) = prepare(&backend, &config, &sources, init.unwrap_or(&mut new))?;
        let folder = folder()?;
        let lock = folder.lock()?;
        Self::open(backend, config, sources, schedule, networks, folder, lock)
    }

    /// The run in a locked folder, after the steps that the networks have made.
    fn open(
        backend: B,
        config: Config,
        sources: Sources,
        schedule: Schedule,
        networks: Gan<B>,
        folder: RunFolder,
        _lock: File,
    ) -> Result<Self> {
        folder.make_parts()?;
        let config = config.with_absolute_paths();
        folder.write_config(&config)?;
        if let Some(pairs) = &sources.pairs {
            pairs.write(&folder.pairs_file())?;
        }
        let saved = networks.steps;
        let metrics = MetricsLog::open(&folder.metrics_file(), saved)?;
        let mut warnings: Vec<String> = networks.vgg.iter().flat_map(|vgg| vgg.warnings().to_vec()).collect();
        warnings.extend(schedule.warning());
        let best = None;
        Ok(Trainer { backend, config, sources, schedule, networks, folder, metrics, saved, best, warnings, _lock })
    }

    /// Resumes the run in `run_dir` from its newest checkpoint that can be read, as if it had never stopped. `config` is
    /// [`RunFolder::config`], in which the keys of [`super::CHANGEABLE`] may differ. Log lines of later steps are dropped.
    ///
    /// # Errors
    /// As [`Trainer::new`]; also [`Error::Checkpoint`] if no checkpoint can be read, and [`Error::Config`] if a key
    /// differs that may not, if the number of training pairs has changed, or if another process trains there.
    pub fn resume(backend: B, config: Config, run_dir: &Path, sources: Sources) -> Result<Self> {
        let folder = RunFolder::open(run_dir)?;
        let lock = folder.lock()?;
        let (state, damaged) = folder.newest_readable(State::read)?;
        resume::check(&state.config, &config, run_dir)?;
        if state.training_pairs != sources.training.len() {
            let [before, now] = [state.training_pairs, sources.training.len()];
            let problem = format!(
                "the run was trained on {before} pairs, but data.dir has {now}, so the order of batches would change; \
                 restore the dataset, or start a new run"
            );
            return Err(Error::Config { origin: run_dir.display().to_string(), problem });
        }
        let (schedule, mut networks) = prepare(&backend, &config, &sources, &mut Blank)?;
        state.restore(&backend, &mut networks)?;
        let mut warnings = damaged.iter().map(set_aside).collect::<Result<Vec<_>>>()?;
        let before = sources.pairs.as_ref().and_then(|now| Some((Pairs::read(&folder.pairs_file())?, now)));
        warnings.extend(before.and_then(|(before, now)| before.changes(now)));
        let mut trainer = Self::open(backend, config, sources, schedule, networks, folder, lock)?;
        trainer.warnings.extend::<Vec<_>>(warnings);
        // A file that is damaged, or that another measure chose, is replaced after the next validation.
        let kept = checkpoint::load(&trainer.folder.best_file()).ok().and_then(|kept| kept.config);
        if kept.is_some_and(|kept| kept.train.keep_best == trainer.config.train.keep_best) {
            trainer.best = trainer.kept_history().and_then(|history| history.best);
        }
        Ok(trainer)
    }

    /// Trains two steps in a temporary folder, from the weights of an initializer if there is one, reads everything back
    /// and compares.
    ///
    /// # Errors
    /// As [`Trainer::new`] and [`Trainer::run`]; [`Error::Checkpoint`] if what was read differs from what was written.
    pub fn dry_run(
        backend: B,
        mut config: Config,
        sources: Sources,
        init: Option<&mut dyn Initializer>,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Summary> {
        let temporary = tempfile::tempdir().map_err(Error::io(&std::env::temp_dir(), "create a temporary folder"))?;
        config.train.steps = Some(2);
        config.train.save_every = 1;
        let dir = temporary.path().join("run");
        let create = || RunFolder::create(&dir);
        let mut trainer = Self::start(backend.clone(), config.clone(), sources.clone(), init, create)?;
        let summary = trainer.run(observers)?;

        let trained = state::digests(&trainer.networks)?;
        let file = trainer.folder.checkpoint_file(summary.steps);
        // Releases the lock.
        drop(trainer);
        let resumed = Trainer::resume(backend.clone(), config.clone(), &dir, sources)?;
        if state::digests(&resumed.networks)? != trained {
            let problem = "it reads back differently from what was written; check the disk".to_string();
            return Err(Error::Checkpoint { file, problem });
        }
        let mut generator = Generator::new(&backend, &config.generator, &config.data, &mut Blank)?;
        generator.params.load(&checkpoint::load(&dir)?)?;
        Ok(summary)
    }

    /// Trains the steps that are left, validates and saves. If an observer asks to stop, the run saves after the current
    /// step, and [`Trainer::resume`] continues it.
    ///
    /// A file that can't be written during the run, as on a full disk, is an [`Event::Warning`]: training continues, and a
    /// later attempt may succeed. The last checkpoint must be written.
    ///
    /// # Errors
    /// [`Error::Diverged`] if a loss, gradient or weight is no longer finite: the newest checkpoint is from before.
    /// [`Error::Data`] for a pair that can't be read, after saving. [`Error::Io`] if the last checkpoint can't be written.
    pub fn run(&mut self, observers: &mut [&mut dyn Observer]) -> Result<Summary> {
        let mut observers = Observers::new(observers);
        observers.emit(&Event::Started(&self.started()));
        self.warnings.drain(..).for_each(|warning| observers.warn(&warning));
        let mut result = self.train(&mut observers);
        if let Err(Error::Data { .. }) = &result
            && let Err(worse) = tolerate(self.save(&mut observers), &mut observers)
        {
            result = Err(worse);
        }
        observers.emit(&Event::Finished(&result));
        result
    }

    fn train(&mut self, observers: &mut Observers<'_, '_>) -> Result<Summary> {
        let start = Instant::now();
        let first = self.networks.steps;
        let (mut losses, mut stopped) = (None, false);
        let ended = self.schedule.ends(first, self.metrics.seconds) || self.out_of_patience().is_some();
        let left = if ended { 0 } else { self.schedule.total - first };
        let mut step_start = Instant::now();
        for batch in self.loader()?.take(left as usize) {
            let mut report = self.step(&batch?)?;
            let step = report.step;
            report.time = step_start.elapsed();
            let logged = self.metrics.step(&report);
            let pace = start.elapsed() / (step - first) as u32;
            report.time_left = self.schedule.time_left(step, pace, self.metrics.seconds);
            observers.emit(&Event::Step(&report));
            tolerate(logged, observers)?;
            losses = Some(report.losses);

            let is_last = self.schedule.ends(step, self.metrics.seconds);
            if is_last || self.schedule.is_due(step, self.config.train.sample_every) {
                self.validate(observers)?;
            }
            let is_last = is_last || self.out_of_patience().is_some();
            stopped = !is_last && observers.stop_requested();
            if stopped || is_last {
                self.save(observers)?;
                break;
            } else if self.schedule.is_due(step, self.config.train.save_every) {
                tolerate(self.save(observers), observers)?;
            }
            step_start = Instant::now();
        }
        Ok(Summary {
            dir: self.dir().into(),
            steps: self.networks.steps,
            steps_total: self.schedule.total,
            stopped,
            out_of_patience: self.out_of_patience().cloned(),
            time: start.elapsed(),
            losses,
            training_seconds: self.metrics.seconds,
            validations: self.metrics.validations.clone(),
            generator: self.folder.generator_file(),
        })
    }

    /// The run folder.
    pub fn dir(&self) -> &Path {
        self.folder.dir()
    }

    fn started(&self) -> Started {
        Started {
            folder: self.folder.clone(),
            config: self.config.clone(),
            device: self.backend.device(),
            threads: self.backend.threads(),
            steps_done: self.networks.steps,
            steps_total: self.schedule.total,
            steps_per_epoch: self.schedule.per_epoch,
            training_pairs: self.sources.training.len(),
            validation_pairs: self.sources.validation.len(),
            generator_parameters: self.networks.generator.params.trained_count(),
            discriminator_parameters: self.networks.discriminator.params.trained_count(),
        }
    }

    /// The batches of the steps that are left.
    fn loader(&self) -> Result<Loader> {
        let Config { data, train, .. } = &self.config;
        let (epoch, first_batch) = self.schedule.place(self.networks.steps + 1);
        let options = LoaderOptions {
            purpose: Purpose::Training,
            batch: train.batch,
            seed: train.seed,
            epochs: epoch..train.epochs as u64 + 1,
            first_batch,
            workers: data.workers,
        };
        Loader::start(self.sources.training.clone(), data, options)
    }

    /// One step; the caller fills in the times.
    fn step(&mut self, batch: &Batch) -> Result<StepReport> {
        let rates = self.networks.controlled(self.schedule.rates(self.networks.steps + 1, batch.epoch));
        let input = batch.input(&self.backend, &self.config.data)?;
        let (losses, _) =
            self.networks.training_step(&input, &batch.target(&self.backend, &self.config.data)?, rates)?;
        Ok(StepReport {
            step: self.networks.steps,
            steps_total: self.schedule.total,
            epoch: batch.epoch,
            losses,
            stats: self.networks.stats.clone(),
            rates,
            time: Duration::ZERO,
            time_left: Duration::ZERO,
        })
    }

    /// Compares the generator with validation pairs.
    fn validate(&mut self, observers: &mut Observers<'_, '_>) -> Result<()> {
        let step = self.networks.steps;
        let Trainer { backend, networks, sources, config, .. } = self;
        let (scores, samples) = validate(backend, networks.inferring(), &*sources.validation, config)?;
        let (measure, value) = scores[0];
        if !value.is_finite() {
            let what = format!("the validation {}", measure.label());
            return Err(Error::Diverged { step, what, value, layer: None });
        }
        tolerate(self.metrics.validation(step, &scores), observers)?;
        observers.emit(&Event::Validation { step, scores: &scores, samples: &samples });
        tolerate(self.keep_best(&scores), observers)
    }

    /// The validations by the measure of `train.keep_best`.
    fn kept_history(&self) -> Option<&History> {
        let chosen = kept(&self.config)?;
        self.metrics.validations.iter().find(|history| history.measure == chosen)
    }

    /// The validations, if as many as `train.patience` have not improved on the best one.
    fn out_of_patience(&self) -> Option<&History> {
        let patience = self.config.train.patience?;
        self.kept_history().filter(|history| history.since_best() >= patience)
    }

    /// Saves the generator as `best.safetensors` if the chosen measure has improved.
    fn keep_best(&mut self, scores: &[(Measure, f64)]) -> Result<()> {
        let Some(&(measure, value)) = scores.iter().find(|(measure, _)| kept(&self.config) == Some(*measure)) else {
            return Ok(());
        };
        if value.is_finite() && self.best.is_none_or(|(_, best)| measure.is_better(value, best)) {
            let weights = self.networks.inferring().params.to_weights()?;
            checkpoint::save(&self.folder.best_file(), &weights, &self.config)?;
            self.best = Some((self.networks.steps, value));
        }
        Ok(())
    }

    /// Saves the whole state and the generator, unless this step's are there.
    fn save(&mut self, observers: &mut Observers<'_, '_>) -> Result<()> {
        let step = self.networks.steps;
        if step == self.saved {
            return Ok(());
        }
        let tensors = state::tensors(&self.networks)?;
        state::require_finite(&tensors, step)?;
        // The generator first: where a step's checkpoint is, nothing of that step is missing.
        checkpoint::save(&self.folder.generator_file(), &self.networks.inferring().params.to_weights()?, &self.config)?;
        let path = self.folder.checkpoint_file(step);
        state::write(&path, &tensors, &self.networks, &self.config, self.sources.training.len())?;
        self.saved = step;
        self.folder.prune_checkpoints()?;
        observers.emit(&Event::Checkpoint { step, path: &path });
        Ok(())
    }
}

/// Turns [`Error::Io`] into a warning.
fn tolerate(result: Result<()>, observers: &mut Observers<'_, '_>) -> Result<()> {
    match result {
        Err(error @ Error::Io { .. }) => {
            observers.warn(&format!("{error}; training continues"));
            Ok(())
        }
        other => other,
    }
}

/// The schedule and the networks, once everything that can be checked before writing has been.
fn prepare<B: Backend>(
    backend: &B,
    config: &Config,
    sources: &Sources,
    init: &mut dyn Initializer,
) -> Result<(Schedule, Gan<B>)> {
    config.validate()?;
    config.check_losses()?;
    let [height, width] = config.data.size;
    if let Some(measure) = kept(config).filter(|measure| height.min(width) < measure.min_side()) {
        let problem = format!(
            "train.keep_best = \"{}\" needs images with sides of at least {}, but data.size is [{height}, {width}]: use l1",
            measure.name(),
            measure.min_side()
        );
        return Err(Error::Config { origin: "configuration".into(), problem });
    }
    let schedule = Schedule::new(config, sources.training.len())?;
    if sources.validation.is_empty() {
        let file = config.data.dir.clone().unwrap_or_else(|| "validation".into());
        return Err(Error::Data { file, problem: "there are no validation pairs".into() });
    }
    let vgg = match &config.loss.vgg_weights {
        Some(file) if config.loss.lambda_vgg != 0.0 => {
            Some(Vgg19::read(backend, file)?.of_channels(config.data.output_shown()))
        }
        _ => None,
    };
    Ok((schedule, Gan::new(backend, config, vgg, init)?))
}
