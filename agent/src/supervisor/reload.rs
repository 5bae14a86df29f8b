//! Another configuration while the agent runs: all of it takes effect, or nothing does.

use super::intake::RecorderInput;
use super::reading::RunningReader;
use super::{Show, Supervisor};
use super::{leaving, threads};
use crate::clock;
use crate::config::{self, Changes, Config};
use crate::logging;
use crate::output::LampInput;
use flextraff_common::ids::OutboxId;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Longest that everything else, systemd's watchdog of an agent without lamps for one, waits for the disk.
const READ_WITHIN: Duration = Duration::from_secs(2);

impl Supervisor {
    /// Reads the configuration anew and goes on under it; what came of it, for the log and for whoever asked.
    ///
    /// # Errors
    /// Why nothing has changed: what is wrong with it, or what needs a restart.
    pub(super) fn reload(&mut self) -> Result<String, String> {
        let result = self
            .try_reload()
            .inspect(|done| tracing::info!("reload: {done}"))
            .map_err(|why| format!("{why}; nothing has changed"))
            .inspect_err(|why| tracing::error!("reload: {why}"));
        // Only now, so that a level at which this would not be told still tells it.
        logging::set_level(self.config.log);
        result
    }

    fn try_reload(&mut self) -> Result<String, String> {
        let path = self.path.clone();
        let new = clock::within(READ_WITHIN, move || config::load(&path))
            .ok_or("the disk does not give the configuration in time")?
            .map_err(|errors| errors.in_one_line())?;
        let changes = Changes::between(&self.config, &new)
            .map_err(|error| format!("the configurations cannot be compared: {error}"))?;
        if changes.is_empty() {
            return Ok("the configuration is as it was".to_owned());
        }
        if !changes.restart.is_empty() {
            let what = changes.restart.join(", ");
            return Err(format!("a restart is needed for {what}"));
        }
        self.reconfigure(&Arc::new(new), &changes);
        Ok(format!("changed: {}", changes.at_once.join(", ")))
    }

    fn reconfigure(&mut self, new: &Arc<Config>, changes: &Changes) {
        let old = std::mem::replace(&mut self.config, Arc::clone(new));
        let of_old = |reader| old.readers.iter().position(|old| old == reader);
        let before: Vec<Option<usize>> = new.readers.iter().map(of_old).collect();
        let mut running = std::mem::take(&mut self.readers);
        let stay = before.iter().map(|before| running.get_mut((*before)?)?.take());
        let stay: Vec<Option<RunningReader>> = stay.collect();
        // From here on no event comes under the number of a reader that goes.
        leaving::end(running.into_iter().flatten().collect(), &self.clock, || self.feed_watchdog());
        // What the others tell waits until recorder and lamps know who has which number.
        let mut held: Vec<_> = stay.iter().map(|reader| reader.as_ref().map(RunningReader::hold)).collect();
        self.recorder.bring(RecorderInput::Reconfigure { config: Arc::clone(new), before: before.clone() });
        if let Some(lamps) = &self.lamps {
            // Among the reads it must not get lost.
            let _ = lamps.inputs.send(LampInput::Reconfigure { config: Arc::clone(new), before });
        }
        for (number, held) in held.iter_mut().enumerate() {
            if let Some(held) = held {
                held.renumber(number);
            }
        }
        drop(held);
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.reconfigure(Arc::clone(new));
        }
        self.show = Show { config: Arc::clone(new), ..self.show.clone() };
        self.readers = stay;
        self.start_readers();
        if changes.touch("reader") {
            self.rates.clear();
        }
        self.tell_readers();
        if changes.touch("mqtt") {
            self.feed_watchdog();
            self.connect_anew();
        }
        self.feed_watchdog();
        self.tell_status();
    }

    /// Starts the readers that have a port and no thread.
    fn start_readers(&mut self) {
        for (at, config) in self.config.readers.iter().enumerate() {
            if self.readers[at].is_none() {
                self.readers[at] = self.reading.read_anew(at, config, &self.show);
            }
        }
    }

    /// Starts what could not be started for want of threads or memory, which passes.
    pub(super) fn start_missing(&mut self) {
        self.start_readers();
        if self.link.is_none() && self.config.mqtt.is_some() {
            self.connect_anew();
        }
    }

    /// Leaves the broker and goes to the one of the configuration; rows without an answer are asked for again.
    pub(super) fn connect_anew(&mut self) {
        if let Some(link) = self.link.take() {
            threads::disconnect(&link);
        }
        self.connection.connected = false;
        // Without an outbox nothing is to be sent, and no ack is for it; status, plans and commands need none.
        let outbox = self.outbox_id.unwrap_or(OutboxId(Uuid::nil()));
        self.link = threads::connect(&self.config, &self.clock, outbox, self.earliest, self.news.clone())
            .inspect_err(|error| tracing::error!(%error, "the link cannot be started"))
            .ok()
            .flatten();
    }
}
