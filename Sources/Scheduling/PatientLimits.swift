public import Notation

/// What one patient may have at once who books without the clinic's staff, so that nobody keeps times from others: a policy of the
/// clinic. Nil is as many as they like.
public struct PatientLimits: Sendable, Hashable {
    /// Times held and not yet confirmed.
    public var holds: Int?
    /// Appointments and holds that are still to come.
    public var appointments: Int?
    /// How many holds may come to nothing, expired or given back, within `lapseWindow`. Who grabs times and lets them go, as programs do,
    /// may hold no more until fewer of them are so fresh; booking is not affected.
    public var lapses: Int?
    public var lapseWindow: Span = .hours(1)

    public init(holds: Int? = nil, appointments: Int? = nil, lapses: Int? = nil) {
        self.holds = holds
        self.appointments = appointments
        self.lapses = lapses
    }

    public static let usual = PatientLimits(holds: 3, appointments: 20, lapses: 10)
}

/// What a patient has.
public struct PatientLoad: Sendable, Hashable {
    public var holds: Int
    /// Holds among them.
    public var appointments: Int
    public var lapses: Int

    public init(holds: Int = 0, appointments: Int = 0, lapses: Int = 0) {
        self.holds = holds
        self.appointments = appointments
        self.lapses = lapses
    }
}

extension PatientLimits {
    /// Everything against one more, in order of precedence.
    func objections(to load: PatientLoad, isHold: Bool) -> [Refusal] {
        func isReached(_ limit: Int?, _ count: Int) -> Bool { limit.map { count >= $0 } ?? false }
        var objections: [Refusal] = []
        if isHold, isReached(lapses, load.lapses) { objections.append(.holdsSuspended) }
        if isHold, isReached(holds, load.holds) { objections.append(.tooManyHolds) }
        if isReached(appointments, load.appointments) { objections.append(.tooManyAppointments) }
        return objections
    }
}
