public import Notation
import People
public import Scheduling
import Storage

/// What would come of a series if it were booked now.
public struct SeriesProposal: Sendable {
    /// One visit: when it would begin, and if it cannot, why not and what is free near it.
    public struct Visit: Sendable {
        public let number: Int
        public let start: Instant
        /// The first objection in order of precedence; nil when the time can be had.
        public let refusal: Refusal?
        /// The nearest first.
        public let repairs: [FreeTime]
    }

    public let visits: [Visit]
    public var isPossible: Bool { visits.allSatisfy { $0.refusal == nil } }
}

extension Clinic {
    /// Says what each visit of a series would meet, and for those that cannot be had which times near them can. Writes nothing but the
    /// record that somebody has looked.
    ///
    /// Each visit is looked at beside those before it. A repair is not in the way of any other visit of the series; whoever books takes
    /// repairs along as `replacements`.
    public func proposeSeries(_ request: SeriesRequest, for call: Call) async throws -> SeriesProposal {
        let patients = request.patients.map { $0.of(Patient.self) }
        let about: ID<Patient> = patients.first ?? ID(high: 0, low: 0)
        return try await disclose("propose.series", about, to: call) { [self] look in
            look.trail.isAbout(about, patients)
            let directory = try directory.current(look.looking)
            let place = directory.resources[request.practitioner]?.location ?? call.caller.places.first?.of()
            try look.require(.book(patients: patients, practitioner: request.practitioner.of()), patients: patients, at: place)
            for patient in patients {
                guard let isOpen = try look.looking.first(PatientExists(id: patient)) else { throw Refusal.patientUnknown }
                if !isOpen { throw Refusal.patientClosed }
            }
            return try propose(request, directory, look)
        }
    }

    private func propose(_ request: SeriesRequest, _ directory: Directory, _ look: Look) throws -> SeriesProposal {
        let starts = try request.plan.starts(in: try request.clock(in: directory).zone)
        let calendar = CalendarWithPlans(
            TransactionCalendar(transaction: look.looking, countsOthers: directory.replacement.blocks))
        let limits = look.call.caller.isStaff ? nil : settings.patientLimits
        let refusals = try starts.map { start -> Refusal? in
            do {
                calendar.plan(try directory.place(request.wish(at: start, limits: limits), in: calendar, now: look.now))
                return nil
            } catch let refusal as Refusal {
                // Before the calendar is asked it is no matter of this visit alone.
                if refusal.isAboutTheVisitItself { throw refusal }
                return refusal
            }
        }
        let visits = try zip(starts, refusals).enumerated().map { index, one in
            let repairs = one.1 == nil ? [] : try repairs(of: one.0, request, directory, calendar, look.now)
            return SeriesProposal.Visit(number: index + 1, start: one.0, refusal: one.1, repairs: repairs)
        }
        return SeriesProposal(visits: visits)
    }

    private static let repairsAtMost = 3
    private static let repairReach: Span = .days(7)

    /// Free times near one that cannot be had; what the index proposes is asked of the database.
    private func repairs(
        of start: Instant, _ request: SeriesRequest, _ directory: Directory, _ calendar: CalendarWithPlans, _ now: Instant
    ) throws -> [FreeTime] {
        let range = TimeRange(from: max(start - Self.repairReach, now), to: max(start, now) + Self.repairReach)
        let known = availability.ask {
            $0.freeStarts(
                visitType: request.visitType, practitioner: request.practitioner, in: range, now: now, after: nil, limit: 2_000)
        }
        guard let known else { throw StorageFault.closed }
        let near = known.sorted { (distance($0.start, start), $0.start) < (distance($1.start, start), $1.start) }
        var found: [FreeTime] = []
        for time in near.prefix(50) where found.count < Self.repairsAtMost {
            do {
                let placement = try directory.place(request.wish(at: time.start, limits: nil), in: calendar, now: now)
                found.append(
                    FreeTime(
                        start: placement.visit.from, end: placement.visit.to, practitioner: placement.practitioner,
                        room: placement.room, device: placement.device, location: placement.location))
            } catch is Refusal {
                continue
            }
        }
        return found
    }

    private func distance(_ one: Instant, _ other: Instant) -> Int64 {
        (one > other ? one - other : other - one).microseconds
    }
}

extension Refusal {
    /// Whether it would be the same for every visit of a series.
    fileprivate var isAboutTheVisitItself: Bool {
        switch self {
        case .patientUnknown, .visitTypeUnknown, .practitionerUnknown, .roomUnknown, .deviceUnknown, .practitionerUnsuitable,
            .roomUnsuitable, .deviceUnsuitable, .tooManyPatients:
            true
        default: false
        }
    }
}

/// What others have, and what the series would have already.
private final class CalendarWithPlans: Calendar {
    private let others: TransactionCalendar
    private var plans: [(placement: Placement, claims: [Claim])] = []

    init(_ others: TransactionCalendar) { self.others = others }

    func plan(_ placement: Placement) {
        plans.append((placement, placement.claims(for: ID(high: 0, low: UInt64(plans.count + 1)))))
    }

    func claims(of holder: ID<Resource>, overlapping range: TimeRange) throws -> [Claim] {
        let planned = plans.flatMap(\.claims).filter { $0.holder == holder && $0.range.overlaps(range) }
        return try others.claims(of: holder, overlapping: range) + planned
    }

    func appointments(
        of practitioner: ID<Resource>, startingIn day: TimeRange, besides moving: ID<Appointment>?
    ) throws -> Int {
        let planned = plans.count { $0.placement.practitioner == practitioner && day.contains($0.placement.visit.from) }
        return try others.appointments(of: practitioner, startingIn: day, besides: moving) + planned
    }

    func load(of patient: ID<Participant>, at now: Instant, lapsedSince since: Instant?) throws -> PatientLoad {
        var load = try others.load(of: patient, at: now, lapsedSince: since)
        load.appointments += plans.count
        return load
    }
}
