//! Merge keys.

use super::{Composer, entry_bytes, merge_text};
use crate::yaml::{
    event::{Event, EventKind, Events},
    token::Error,
};
use serde_json::{Map, Value};
use std::collections::HashSet;

const WANTS_MAPS: &str = "'<<' merges a mapping, or a list of mappings";

impl<'t, E: Events<'t>> Composer<'t, '_, E> {
    /// Merges what follows `<<` into a mapping: it replaces what stands before it there.
    pub(super) fn merge(
        &mut self,
        key: &Event<'t>,
        map: &mut Map<String, Value>,
        merged: &mut HashSet<String>,
    ) -> Result<(), Error> {
        self.remember(key.anchor, key.start, &merge_text())?;
        let event = self.events.next()?;
        let at = event.start;
        let is_map = matches!(event.kind, EventKind::MappingStart | EventKind::Alias(_));
        let found = if matches!(event.kind, EventKind::SequenceStart) {
            // The earlier ones take precedence.
            let mut found = Map::new();
            let value =
                self.collection(&event, |composer| composer.mappings().map(Value::Array))?;
            let Value::Array(values) = value else { return Ok(()) };
            for value in values.into_iter().rev() {
                if let Value::Object(fields) = value {
                    found.extend(fields);
                }
            }
            self.count.not_written();
            found
        } else if is_map && let Value::Object(fields) = self.value(event)? {
            fields
        } else {
            return Err(Error::new(at, WANTS_MAPS));
        };
        for (name, value) in found {
            self.costs.takes(&mut self.count, entry_bytes(map.len(), &name), at)?;
            if map.get(&name).is_some_and(|before| *before != value) {
                let name = &name;
                self.warn(
                    key.start,
                    format!("this merge key replaces '{name}', which comes before it: move it to the front"),
                );
            }
            merged.insert(name.clone());
            map.insert(name, value);
        }
        Ok(())
    }

    /// The mappings of a list behind `<<`.
    fn mappings(&mut self) -> Result<Vec<Value>, Error> {
        let mut values = Vec::new();
        loop {
            let event = self.events.next()?;
            let at = event.start;
            if matches!(event.kind, EventKind::SequenceEnd) {
                return Ok(values);
            }
            let is_map = matches!(event.kind, EventKind::MappingStart | EventKind::Alias(_));
            if !is_map {
                return Err(Error::new(at, WANTS_MAPS));
            }
            let value = self.value(event)?;
            if !value.is_object() {
                return Err(Error::new(at, WANTS_MAPS));
            }
            values.push(value);
        }
    }
}
