//! The loop, resuming, the dry run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use asap_tensor::{Backend, Tensor};

use super::compare;
use super::folder::{Damaged, RunFolder};
use super::machine::Machine;
use super::metrics::{self, MetricsLog};
use super::observer::{Event, Observer, RoundReport, Started};
use super::recorder::Recorded;
use super::schedule::Schedule;
use super::sheet;
use super::sources::Sources;
use super::state::{self, State};
use super::validation::{Scores, validate};
use crate::checkpoint;
use crate::condition::Condition;
use crate::config::Config;
use crate::data::{Batch, Loader, LoaderOptions, Purpose};
use crate::generator::Generator;
use crate::mask::Mask;
use crate::network::{Blank, Initialiser, Network, XavierNormal};
use crate::round::{Game, Losses};
use crate::vgg::Vgg19;
use crate::{Error, Result};

/// A run: networks, data, schedule and the folder that all is written to.
pub struct Trainer<B: Backend> {
    backend: B,
    config: Config,
    sources: Sources,
    schedule: Schedule,
    game: Game<B>,
    folder: RunFolder,
    metrics: MetricsLog,
    /// The round of the newest checkpoint.
    saved: u64,
    /// What to warn of when the run begins.
    warnings: Vec<String>,
    /// Keeps other processes out of the run folder.
    _lock: File,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The run folder.
    pub dir: PathBuf,
    /// Rounds played in all, those before resuming included.
    pub rounds: u64,
    /// The last round's number; more than `rounds` if the run was stopped.
    pub rounds_total: u64,
    /// Whether the observer asked to stop before the last round.
    pub stopped: bool,
    /// The time from the start, or from resuming.
    pub time: Duration,
    /// The losses of the last round; `None` if there was nothing left to play.
    pub losses: Option<Losses>,
    /// All validations of the run, with their rounds; [`metrics::tenths`] compares their ends.
    pub validations: Vec<(u64, Scores)>,
    /// The newest picture of samples of this call.
    pub sheet: Option<PathBuf>,
    /// The generator's file.
    pub generator: PathBuf,
}

impl<B: Backend> Trainer<B> {
    /// A new run in `out_dir`, or in the next free folder beside it ([`super::next_free`]). The folder is made last,
    /// when all else is known to be right.
    ///
    /// # Errors
    /// [`Error::Config`] for a configuration that can't be trained, as one whose perceptual loss has no weights of
    /// VGG19; [`Error::Checkpoint`] if those can't be read; [`Error::Data`] if there are no validation pairs;
    /// [`Error::Io`] if the folder can't be made.
    pub fn new(backend: B, config: Config, out_dir: &Path, sources: Sources) -> Result<Self> {
        Self::begin(backend, config, sources, || RunFolder::create(out_dir))
    }

    /// The run of `run_dir` once more from its start, where it stopped before its first checkpoint. What its log has of it is
    /// dropped.
    ///
    /// # Errors
    /// As [`Trainer::new`]; also [`Error::Config`] if there is a checkpoint to go on from, or another process trains there.
    pub fn restart(backend: B, config: Config, run_dir: &Path, sources: Sources) -> Result<Self> {
        Self::begin(backend, config, sources, || match RunFolder::open(run_dir)? {
            folder if folder.never_saved()? => Ok(folder),
            _ => {
                let problem = "it has a checkpoint: go on from that, or begin in another folder".to_string();
                Err(Error::Config { origin: run_dir.display().to_string(), problem })
            }
        })
    }

    /// The first round comes next. `folder` is called when all else is known to be right.
    fn begin(backend: B, config: Config, sources: Sources, folder: impl FnOnce() -> Result<RunFolder>) -> Result<Self> {
        let mut init = XavierNormal { seed: config.train.seed, gain: config.train.init_gain };
        let (schedule, game) = prepare(&backend, &config, &sources, &mut init)?;
        let folder = folder()?;
        let lock = folder.lock()?;
        folder.make_parts()?;
        folder.write_config(&config)?;
        let metrics = MetricsLog::open(&folder.metrics_file(), 0)?;
        let warnings = Vec::new();
        Ok(Trainer { backend, config, sources, schedule, game, folder, metrics, saved: 0, warnings, _lock: lock })
    }

    /// Goes on with the run in `run_dir` from its newest checkpoint, as if it had never stopped; from the one before if
    /// the newest is damaged, with a warning. `config` is [`RunFolder::config`], in which the keys of
    /// [`super::CHANGEABLE`] may be changed. What was reported of rounds after the checkpoint is dropped.
    ///
    /// # Errors
    /// As [`Trainer::new`]; also [`Error::Checkpoint`] if no checkpoint can be read, and [`Error::Config`] naming each
    /// key that may not change, or if the number of training pairs is another, or another process trains there.
    pub fn resume(backend: B, config: Config, run_dir: &Path, sources: Sources) -> Result<Self> {
        let folder = RunFolder::open(run_dir)?;
        let lock = folder.lock()?;
        let (state, damaged) = folder.newest_whole(State::read)?;
        compare::check(&state.config, &config, run_dir)?;
        if state.training_pairs != sources.training.len() {
            let problem = format!(
                "the run was trained on {} pairs, but data.dir has {}: the order of batches would be another; \
                 restore the data set, or start a new run",
                state.training_pairs,
                sources.training.len()
            );
            return Err(Error::Config { origin: run_dir.display().to_string(), problem });
        }
        let (schedule, mut game) = prepare(&backend, &config, &sources, &mut Blank)?;
        state.restore(&backend, &mut game)?;
        let warnings = damaged.iter().map(Damaged::set_aside).collect::<Result<_>>()?;
        folder.make_parts()?;
        folder.write_config(&config)?;
        let saved = game.rounds();
        let metrics = MetricsLog::open(&folder.metrics_file(), saved)?;
        Ok(Trainer { backend, config, sources, schedule, game, folder, metrics, saved, warnings, _lock: lock })
    }

    /// Two rounds in a temporary folder, with everything that a run writes; then reads it all back and compares.
    ///
    /// # Errors
    /// As [`Trainer::new`], [`Trainer::run`] and [`Trainer::resume`]; [`Error::Checkpoint`] if what was read is not what was written.
    pub fn dry_run(backend: B, mut config: Config, sources: Sources, observer: &mut dyn Observer) -> Result<Summary> {
        let temporary = tempfile::tempdir().map_err(|source| Error::Io {
            file: std::env::temp_dir(),
            action: "create a temporary folder",
            source,
        })?;
        config.train.steps = Some(2);
        config.train.save_every = 1;
        let mut trainer =
            Trainer::new(backend.clone(), config.clone(), &temporary.path().join("run"), sources.clone())?;
        let summary = trainer.run(observer)?;

        let played = state::digests(&trainer.game)?;
        let (dir, file) = (trainer.dir().to_path_buf(), trainer.folder.checkpoint_file(summary.rounds));
        // Two can't train in one folder.
        drop(trainer);
        let again = Trainer::resume(backend.clone(), config.clone(), &dir, sources)?;
        if state::digests(&again.game)? != played {
            let problem = "what was read back is not what was written; check the disk".to_string();
            return Err(Error::Checkpoint { file, problem });
        }
        let mut generator = Generator::new(&backend, &config.generator, &config.data, &mut Blank)?;
        generator.load(&checkpoint::load(&dir)?)?;
        Ok(summary)
    }

    /// Plays the rounds that are left, validates, saves. If the observer asks to stop, the run saves after the round it
    /// is in, and [`Trainer::resume`] goes on.
    ///
    /// A file that can't be written in the middle of a run, as where the disk is full, is an [`Event::Warning`]: the
    /// rounds go on, and a later attempt may succeed. The last checkpoint must.
    ///
    /// # Errors
    /// [`Error::Diverged`] if a loss, gradient or weight is no longer finite: the newest checkpoint is from before.
    /// [`Error::Data`] for a pair that can't be read, after saving what there is. [`Error::Io`] if the last checkpoint
    /// can't be written; otherwise if a kernel fails.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<Summary> {
        let mut recorded = Recorded::of_run(observer, &self.folder, &self.config, Machine::of(&self.backend));
        let mut result = self.play_all(&mut recorded);
        if let Err(Error::Data { .. }) = &result
            && let Err(worse) = tolerate(self.save(&mut recorded), &mut recorded)
        {
            result = Err(worse);
        }
        recorded.end(&result);
        result
    }

    fn play_all(&mut self, observer: &mut dyn Observer) -> Result<Summary> {
        let start = Instant::now();
        let first = self.game.rounds();
        let total = self.schedule.total;
        observer.observe(&Event::Started(self.started()));
        for warning in self.warnings.drain(..) {
            observer.observe(&Event::Warning(&warning));
        }
        let mut summary = Summary {
            dir: self.dir().into(),
            rounds: first,
            rounds_total: total,
            stopped: false,
            time: Duration::ZERO,
            losses: None,
            validations: Vec::new(),
            sheet: None,
            generator: self.folder.generator_file(),
        };
        let mut played = metrics::seconds(&self.folder.metrics_file())?;
        let left = if self.schedule.ends(first, played) { 0 } else { total - first };
        let mut clock = Instant::now();
        for batch in self.loader()?.take(left as usize) {
            let mut report = self.play(&batch?)?;
            report.time = clock.elapsed();
            played += report.seconds();
            let round = report.round;
            let is_last = self.schedule.ends(round, played);
            let pace = start.elapsed().as_secs_f64() / (round - first) as f64;
            let left = pace * total.saturating_sub(round) as f64;
            let left = self.schedule.seconds_left(played).map_or(left, |limit| left.min(limit.max(0.0)));
            report.time_left = Duration::from_secs_f64(left);
            let noted = self.metrics.round(&report);
            summary.losses = Some(report.losses.clone());
            observer.observe(&Event::Round(report));
            tolerate(noted, observer)?;
            if is_last || self.schedule.validates(round) {
                summary.sheet = self.validate(observer)?.or(summary.sheet);
            }
            summary.stopped = !is_last && observer.stop_requested();
            if summary.stopped || is_last {
                self.save(observer)?;
                break;
            } else if self.schedule.saves(round) {
                tolerate(self.save(observer), observer)?;
            }
            clock = Instant::now();
        }
        summary.rounds = self.game.rounds();
        summary.time = start.elapsed();
        summary.validations = metrics::validations(&self.folder.metrics_file())?;
        Ok(summary)
    }

    /// The run folder.
    pub fn dir(&self) -> &Path {
        self.folder.dir()
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The networks as they are now.
    pub fn game(&self) -> &Game<B> {
        &self.game
    }

    fn started(&self) -> Started<'_> {
        Started {
            dir: self.dir(),
            rounds_played: self.game.rounds(),
            rounds_total: self.schedule.total,
            rounds_per_epoch: self.schedule.per_epoch,
            training_pairs: self.sources.training.len(),
            validation_pairs: self.sources.validation.len(),
            generator_parameters: self.game.generator.trainable_count(),
            discriminator_parameters: self.game.discriminator.trainable_count(),
        }
    }

    /// The batches of the rounds that are left.
    fn loader(&self) -> Result<Loader> {
        let (epoch, first_batch) = self.schedule.place(self.game.rounds() + 1);
        let options = LoaderOptions {
            purpose: Purpose::Training,
            batch: self.config.train.batch,
            seed: self.config.train.seed,
            epochs: epoch..self.config.train.epochs as u64 + 1,
            first_batch,
            workers: self.config.data.workers,
        };
        Loader::start(self.sources.training.clone(), &self.config.data, options)
    }

    /// One round; the caller fills in the times.
    fn play(&mut self, batch: &Batch) -> Result<RoundReport> {
        let rates = self.schedule.rates(batch.epoch);
        let condition = Condition::from_batch(&self.backend, batch, &self.config.data)?;
        let sizes = [batch.len(), batch.image_channels, batch.height, batch.width];
        let real = Tensor::from_f32(&self.backend, sizes, &batch.image)?;
        let mask = Mask::from_batch(&self.backend, batch)?;
        let (losses, _) = self.game.masked_round(&condition, &real, mask.as_ref(), rates)?;
        Ok(RoundReport {
            round: self.game.rounds(),
            rounds_total: self.schedule.total,
            epoch: batch.epoch,
            losses,
            rates,
            time: Duration::ZERO,
            time_left: Duration::ZERO,
        })
    }

    /// Measures the generator and writes the picture of samples, if it can be written.
    fn validate(&mut self, observer: &mut dyn Observer) -> Result<Option<PathBuf>> {
        let round = self.game.rounds();
        let (data, count) = (&self.config.data, self.config.train.validate_count);
        let measured = validate(&self.backend, &self.game.generator, &*self.sources.validation, data, count)?;
        let scores = measured.scores;
        if !scores.l1.is_finite() {
            return Err(Error::Diverged { round, what: "the validation L1".into(), value: scores.l1, layer: None });
        }
        tolerate(self.metrics.validation(round, &scores), observer)?;
        observer.observe(&Event::Validation { round, scores });
        let path = self.folder.sheet_file(round);
        let written = tolerate(sheet::write(&path, &measured.rows, data), observer)?.is_some();
        if written {
            observer.observe(&Event::Sheet { round, path: &path });
        }
        Ok(written.then_some(path))
    }

    /// Writes the whole state and the generator, unless this round's are there.
    fn save(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let round = self.game.rounds();
        if round == self.saved {
            return Ok(());
        }
        let tensors = state::tensors(&self.game)?;
        state::require_finite(&tensors, round)?;
        // The generator first: once a round's checkpoint is there, nothing of that round is missing.
        checkpoint::save(&self.folder.generator_file(), &self.game.generator.to_weights()?, &self.config)?;
        let path = self.folder.checkpoint_file(round);
        state::write(&path, &tensors, &self.game, &self.config, self.sources.training.len())?;
        self.saved = round;
        self.folder.prune_checkpoints()?;
        observer.observe(&Event::Checkpoint { round, path: &path });
        Ok(())
    }
}

/// Turns a file that can't be written into a warning, and `None`.
///
/// # Errors
/// Those of any other kind.
fn tolerate<T>(result: Result<T>, observer: &mut dyn Observer) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ Error::Io { .. }) => {
            observer.observe(&Event::Warning(&format!("{error}; training goes on")));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What a new run and a resumed one have in common: all that can be checked before anything is written.
fn prepare<B: Backend>(
    backend: &B,
    config: &Config,
    sources: &Sources,
    init: &mut dyn Initialiser,
) -> Result<(Schedule, Game<B>)> {
    config.validate()?;
    config.check_losses()?;
    let schedule = Schedule::new(config, sources.training.len())?;
    if sources.validation.is_empty() {
        let file = config.data.dir.clone().unwrap_or_else(|| "validation".into());
        return Err(Error::Data { file, problem: "there are no validation pairs".into() });
    }
    let vgg = match &config.loss.vgg_weights {
        Some(file) if config.loss.lambda_vgg != 0.0 => Some(Vgg19::read(backend, file)?),
        _ => None,
    };
    Ok((schedule, Game::new(backend, config, vgg, init)?))
}
