//! The pass that finds error codes.

use std::convert::Infallible;

use bytes::Bytes;
use uuid::Uuid;

use super::{Entity, Field, Kind, Message, Records, Sink, Value};

/// Calls `found` with every error code that `message` carries in `version`, those of no error left out.
pub fn error_codes<M: Message>(message: &M, version: i16, found: impl FnMut(i16)) {
    let mut pass = ErrorCodes { version, is_code: false, found };
    let Ok(()) = message.write(&mut pass);
}

struct ErrorCodes<F> {
    version: i16,
    /// Set if the field that is being offered holds error codes.
    is_code: bool,
    found: F,
}

impl<F: FnMut(i16)> Sink for ErrorCodes<F> {
    type Error = Infallible;

    #[inline]
    fn field<T: Value>(&mut self, field: &'static Field, value: &T) -> Result<(), Infallible> {
        // Only these can be, or hold, an error code.
        let is_wanted =
            const { matches!(T::KIND, Kind::Int16 | Kind::Struct(_) | Kind::Array(Kind::Struct(_))) };
        if !is_wanted || !field.versions.contains(self.version) {
            return Ok(());
        }
        self.is_code = field.name == "error_code";
        value.write(self, true)
    }

    fn int16(&mut self, value: i16) -> Result<(), Infallible> {
        if self.is_code && value != 0 {
            (self.found)(value);
        }
        Ok(())
    }

    fn array<T: Value>(&mut self, value: Option<&[T]>, _: bool) -> Result<(), Infallible> {
        value.unwrap_or_default().iter().try_for_each(|element| element.write(self, false))
    }

    fn entity<E: Entity>(&mut self, value: Option<&E>, _: bool) -> Result<(), Infallible> {
        value.map_or(Ok(()), |entity| entity.write(self))
    }

    fn boolean(&mut self, _: bool) -> Result<(), Infallible> {
        Ok(())
    }

    fn int8(&mut self, _: i8) -> Result<(), Infallible> {
        Ok(())
    }

    fn uint16(&mut self, _: u16) -> Result<(), Infallible> {
        Ok(())
    }

    fn int32(&mut self, _: i32) -> Result<(), Infallible> {
        Ok(())
    }

    fn int64(&mut self, _: i64) -> Result<(), Infallible> {
        Ok(())
    }

    fn float64(&mut self, _: f64) -> Result<(), Infallible> {
        Ok(())
    }

    fn uuid(&mut self, _: Uuid) -> Result<(), Infallible> {
        Ok(())
    }

    fn string(&mut self, _: Option<&str>, _: bool) -> Result<(), Infallible> {
        Ok(())
    }

    fn bytes(&mut self, _: Option<&Bytes>, _: bool) -> Result<(), Infallible> {
        Ok(())
    }

    fn records(&mut self, _: Option<&Records>, _: bool) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::{list_groups, produce};

    #[test]
    fn error_codes_are_found_wherever_they_lie() {
        let partition = |error_code: i16| produce::PartitionProduceResponse {
            index: error_code.into(),
            error_code,
            ..Default::default()
        };
        let topic = produce::TopicProduceResponse {
            partition_responses: vec![partition(3), partition(0), partition(6)],
            ..Default::default()
        };
        let response = produce::Response { responses: vec![topic.clone(), topic], ..Default::default() };
        let mut found = Vec::new();
        error_codes(&response, 9, |code| found.push(code));
        assert_eq!(found, [3, 6, 3, 6]);

        let response = list_groups::Response { error_code: 15, ..Default::default() };
        let mut found = Vec::new();
        error_codes(&response, 3, |code| found.push(code));
        assert_eq!(found, [15]);
    }
}
