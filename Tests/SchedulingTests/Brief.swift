import Notation
import Scheduling

/// The identifier of the so-many-th thing of a fixture.
func id<Subject>(_ number: Int, _: Subject.Type = Subject.self) -> ID<Subject> {
    ID(high: 0x0195_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(number))
}

func at(_ text: String) -> Instant { Instant(text)! }

func day(_ text: String) -> CalendarDay { CalendarDay(text)! }

func range(_ from: String, _ to: String) -> TimeRange { TimeRange(from: at(from), to: at(to)) }
