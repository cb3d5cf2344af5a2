public import Notation
public import People
public import Scheduling

/// A clinic for a test: how many of everything, when it is open, and its rules. Everything is counted from 0, and its
/// identifiers follow from its number, so a test names things without asking for them.
///
/// Two kinds of visit: a consultation needs only a practitioner, a procedure also a room and a device where the plan has
/// any. The clinic is open every day of the week on a clock without summer time, so capacity can be counted on fingers.
public struct ClinicPlan: Sendable {
    public var practitioners = 1
    public var patients = 8
    public var rooms = 0
    public var devices = 0
    /// Of every practitioner.
    public var lanes = 1
    public var lanesOffered = 1
    public var maximumPerDay: Int?
    /// Whose calendar has to agree, of every practitioner.
    public var provider: String?
    public var visitMinutes = 30
    /// Of a procedure.
    public var bufferAfterMinutes = 10
    public var opensAtHour = 8
    public var closesAtHour = 16
    public var policy = SchedulingPolicy(
        earliestNoticeMinutes: 60, latestHorizonDays: 20, cancellationCutoffMinutes: 24 * 60, startGridMinutes: 30, holdMinutes: 5
    )
    /// What a consultation costs; nil is nothing.
    public var price: Price?
    /// A Monday, before the doors open.
    public var startsAt = Instant("2026-03-02T06:00:00Z")!

    public init() {}

    public init(change: (inout ClinicPlan) -> Void) {
        self.init()
        change(&self)
    }

    public var practitionerIDs: [ID<Resource>] { (0..<practitioners).map(practitioner) }
    public var patientIDs: [ID<Participant>] { (0..<patients).map(patient) }

    public func practitioner(_ number: Int) -> ID<Resource> { identifier(1, number) }
    public func room(_ number: Int) -> ID<Resource> { identifier(2, number) }
    public func device(_ number: Int) -> ID<Resource> { identifier(3, number) }
    public func patient(_ number: Int) -> ID<Participant> { identifier(5, number) }
    public var location: ID<Location> { identifier(0, 0) }
    public var consultation: ID<VisitType> { identifier(4, 0) }
    public var procedure: ID<VisitType> { identifier(4, 1) }

    public func patientCaller(_ number: Int) -> Caller { Caller(role: .patient, subject: patient(number).of()) }
    public func practitionerCaller(_ number: Int) -> Caller { Caller(role: .practitioner, subject: practitioner(number).of()) }
    public func desk(_ number: Int = 0) -> Caller { Caller(role: .desk, subject: identifier(9, number)) }
    public func admin(_ number: Int = 0) -> Caller { Caller(role: .admin, subject: identifier(8, number)) }

    /// A moment on the `day`th day after the plan's first.
    public func time(day: Int, hour: Int, minute: Int = 0) -> Instant {
        let midnight = Instant(microseconds: startsAt.microseconds - startsAt.microseconds % Span.days(1).microseconds)
        return midnight + .days(day) + .hours(hour) + .minutes(minute)
    }

    /// Every start on the grid at which a consultation fits into the working day.
    public func starts(onDays days: Range<Int>) -> [Instant] {
        let grid = policy.startGridMinutes
        let minutes = stride(from: opensAtHour * 60, through: closesAtHour * 60 - visitMinutes, by: grid)
        return days.flatMap { day in minutes.map { time(day: day, hour: 0, minute: $0) } }
    }

    /// From the first opening to the last closing of these days.
    public func range(ofDays days: Range<Int>) -> TimeRange {
        TimeRange(from: time(day: days.lowerBound, hour: 0), to: time(day: days.upperBound, hour: 0))
    }

    /// How many consultations these days can take when every start falls on the end of another.
    public func capacity(ofDays days: Range<Int>) -> Int {
        (closesAtHour - opensAtHour) * 60 / visitMinutes * days.count * practitioners * lanesOffered
    }

    private func identifier<Subject>(_ kind: Int, _ number: Int) -> ID<Subject> {
        ID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(kind) << 32 | UInt64(number))
    }

    func hoursID(_ practitioner: Int, weekday: Int) -> ID<WorkingHours> { identifier(6, practitioner * 8 + weekday) }
}
