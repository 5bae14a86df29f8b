//! Another configuration while the agent runs: all of it takes effect, or nothing does.

use super::intake::RecorderInput;
use super::{Show, Supervisor};
use super::{leaving, threads};
use crate::clock;
use crate::config::{self, Changes, Config};
use crate::logging;
use crate::output::LampInput;
use std::sync::Arc;
use std::time::Duration;

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
        let kept: Vec<bool> =
            new.readers.iter().enumerate().map(|(at, reader)| old.readers.get(at) == Some(reader)).collect();
        let (stay, leave): (Vec<_>, Vec<_>) = std::mem::take(&mut self.readers)
            .into_iter()
            .enumerate()
            .partition(|(at, _)| kept.get(*at) == Some(&true));
        // From here on no event comes under the number of a reader that goes.
        let leave = leave.into_iter().filter_map(|(_, reader)| reader).collect();
        leaving::end(leave, &self.clock, || self.feed_watchdog());
        self.recorder.bring(RecorderInput::Reconfigure { config: Arc::clone(new), kept: kept.clone() });
        if let Some(lamps) = &self.lamps {
            // Among the reads it must not get lost.
            let _ = lamps.inputs.send(LampInput::Reconfigure { config: Arc::clone(new), kept });
        }
        if let Some(forwarder) = &mut self.forwarder {
            forwarder.reconfigure(Arc::clone(new));
        }
        self.show = Show { config: Arc::clone(new), ..self.show.clone() };
        self.readers = new.readers.iter().map(|_| None).collect();
        for (at, port) in stay {
            self.readers[at] = port;
        }
        self.start_readers();
        if changes.touch("reader") {
            self.rates.clear();
        }
        self.tell_lamps_readers();
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
        let Some(outbox) = self.outbox_id else { return };
        self.link = threads::connect(&self.config, &self.clock, outbox, self.earliest, self.news.clone())
            .inspect_err(|error| tracing::error!(%error, "the link cannot be started"))
            .ok()
            .flatten();
    }
}
