import Notation

/// A wish on its way through the rules, in the order of `Refusal`. The calendar is asked last and lazily: one question
/// for the practitioner, one for each patient, and for rooms one at a time until one is free.
struct Deliberation {
    /// How many objections it takes before it gives up.
    enum Patience { case none, forWhatStaffMaySetAside, forEverything }

    let directory: Directory
    let calendar: any Calendar
    let wish: Wish
    let now: Instant
    let moving: ID<Appointment>?
    let patience: Patience
    /// In the order they were found.
    private(set) var objections: [Refusal] = []

    /// Everybody and everything the visit takes.
    private struct Parties {
        var visitType: VisitType
        var practitioner: Resource
        /// One of them will do; nil when none is needed.
        var rooms: [Resource]?
        var devices: [Resource]?
        /// The wall clock where the visit takes place.
        var clock: Zone
        var visit: TimeRange
        var occupied: TimeRange
    }

    private struct Seat {
        var resource: ID<Resource>
        var lane: Int
    }

    init(
        directory: Directory, calendar: any Calendar, wish: Wish, now: Instant, moving: ID<Appointment>?, patience: Patience
    ) {
        self.directory = directory
        self.calendar = calendar
        self.wish = wish
        self.now = now
        self.moving = moving
        self.patience = patience
    }

    /// Each objection once, in order of precedence.
    var inOrder: [Refusal] { objections.isEmpty ? [] : Refusal.allCases.filter(objections.contains) }

    /// Nil when an objection was noted that leaves no place.
    mutating func placement() throws -> Placement? {
        try askForPatients()
        guard let parties = try parties() else { return nil }
        try askLimits()
        try askRules(of: parties.visitType.policy, on: parties.clock)
        try askHours(parties)
        try askDay(parties)
        return try seats(parties)
    }

    private mutating func object(_ refusal: Refusal) throws(Refusal) {
        switch patience {
        case .none: throw refusal
        case .forWhatStaffMaySetAside where !refusal.canBeOverridden: throw refusal
        case .forWhatStaffMaySetAside, .forEverything: objections.append(refusal)
        }
    }

    // MARK: Who and what

    /// A patient whose identifier is a practitioner's or a room's would take that one's lane.
    private mutating func askForPatients() throws(Refusal) {
        let areKnown = !wish.patients.isEmpty && wish.patients.allSatisfy { directory.resources[$0.of()] == nil }
        if !areKnown { try object(.patientUnknown) }
    }

    private mutating func parties() throws(Refusal) -> Parties? {
        guard let visitType = directory.visitTypes[wish.visitType], visitType.active else {
            try object(.visitTypeUnknown)
            return nil
        }
        let practitioner = try known(wish.practitioner, .practitioner, or: .practitionerUnknown)
        let room = try known(wish.room, .room, or: .roomUnknown)
        let device = try known(wish.device, .device, or: .deviceUnknown)
        guard let practitioner else { return nil }
        if !visitType.suits(practitioner) { try object(.practitionerUnsuitable) }
        try fit(room, visitType, practitioner, or: .roomUnsuitable)
        try fit(device, visitType, practitioner, or: .deviceUnsuitable)
        try countPatients(visitType)
        let location = practitioner.location
        let rooms = visitType.roomTag == nil ? nil : directory.rooms(for: visitType, at: location)
        let devices = visitType.deviceTag == nil ? nil : directory.devices(for: visitType, at: location)
        return Parties(
            visitType: visitType, practitioner: practitioner, rooms: choice(wish.room, room, rooms),
            devices: choice(wish.device, device, devices), clock: directory.wallClock(at: location),
            visit: visitType.visit(at: wish.start), occupied: visitType.occupied(at: wish.start))
    }

    private mutating func known(_ id: ID<Resource>?, _ kind: Resource.Kind, or refusal: Refusal) throws(Refusal) -> Resource? {
        guard let id else { return nil }
        if let resource = directory.resources[id], resource.kind == kind, resource.active { return resource }
        try object(refusal)
        return nil
    }

    private mutating func fit(
        _ resource: Resource?, _ visitType: VisitType, _ practitioner: Resource, or refusal: Refusal
    ) throws(Refusal) {
        guard let resource else { return }
        if !visitType.suits(resource) || resource.location != practitioner.location { try object(refusal) }
    }

    /// The one that was asked for, or any that suits. One that was asked for and is unknown has its objection already.
    private func choice(_ asked: ID<Resource>?, _ found: Resource?, _ suitable: [Resource]?) -> [Resource]? {
        asked == nil ? suitable : found.map { [$0] }
    }

    /// The same person twice would take two places and need one.
    private mutating func countPatients(_ visitType: VisitType) throws(Refusal) {
        let isDistinct = wish.patients.count == 1 || Set(wish.patients).count == wish.patients.count
        if wish.patients.count > visitType.patientsMaximum || !isDistinct { try object(.tooManyPatients) }
    }

    // MARK: The clinic's rules

    /// What each patient has already, where somebody counts.
    private mutating func askLimits() throws {
        guard let limits = wish.limits else { return }
        let since = wish.isHold && limits.lapses != nil ? now - limits.lapseWindow : nil
        for patient in wish.patients {
            let load = try calendar.load(of: patient, at: now, lapsedSince: since)
            for refusal in limits.objections(to: load, isHold: wish.isHold) { try object(refusal) }
        }
    }

    private mutating func askRules(of policy: SchedulingPolicy, on clock: Zone) throws(Refusal) {
        if wish.start < now { try object(.startIsInThePast) }
        if !policy.isOnGrid(wish.start, clock) { try object(.startOffGrid) }
        if wish.start < now + .minutes(policy.earliestNoticeMinutes) { try object(.noticeTooShort) }
        if wish.start >= policy.horizonEnd(from: now, clock) { try object(.beyondHorizon) }
    }

    private mutating func askHours(_ parties: Parties) throws(Refusal) {
        if directory.isOpen(parties.practitioner, during: parties.visit) { return }
        for reason in directory.reasonsClosed(parties.practitioner, during: parties.visit) { try object(reason) }
    }

    private mutating func askDay(_ parties: Parties) throws {
        guard let maximum = parties.practitioner.maximumPerDay else { return }
        let day = parties.clock.dayRange(parties.clock.day(at: wish.start))
        let others = try calendar.appointments(of: wish.practitioner, startingIn: day, besides: moving)
        if others >= maximum { try object(.dayIsFull) }
    }

    // MARK: Other people's appointments

    private mutating func seats(_ parties: Parties) throws -> Placement? {
        let lane = try freeLane(of: parties.practitioner, during: parties.occupied)
        if lane == nil { try object(.practitionerTaken) }
        if try arePatientsTaken(during: parties.visit) { try object(.patientTaken) }
        let room = try seat(among: parties.rooms, parties, or: .roomTaken)
        let device = try seat(among: parties.devices, parties, or: .deviceTaken)
        guard let lane, (room == nil) == (parties.rooms == nil), (device == nil) == (parties.devices == nil) else { return nil }
        return Placement(
            practitioner: wish.practitioner, room: room?.resource, device: device?.resource, patients: wish.patients,
            location: parties.practitioner.location, visit: parties.visit, occupied: parties.occupied,
            overridden: inOrder + beyondOffer(lane, parties.practitioner, room, device),
            practitionerLane: lane, roomLane: room?.lane ?? 0, deviceLane: device?.lane ?? 0)
    }

    /// Lanes that are there but not offered: whoever takes one squeezed somebody in beside another appointment.
    private func beyondOffer(_ lane: Int, _ practitioner: Resource, _ room: Seat?, _ device: Seat?) -> [Refusal] {
        guard wish.isOverride else { return [] }
        func isBeyond(_ seat: Seat?) -> Bool {
            seat.map { $0.lane >= directory.resources[$0.resource]?.lanesOffered ?? 0 } ?? false
        }
        return [
            lane >= practitioner.lanesOffered ? .practitionerTaken : nil, isBeyond(room) ? .roomTaken : nil,
            isBeyond(device) ? .deviceTaken : nil,
        ].compactMap { $0 }
    }

    private func arePatientsTaken(during visit: TimeRange) throws -> Bool {
        for patient in wish.patients where try !others(of: patient.of(), during: visit).isEmpty { return true }
        return false
    }

    private mutating func seat(among candidates: [Resource]?, _ parties: Parties, or refusal: Refusal) throws -> Seat? {
        guard let candidates else { return nil }
        for resource in candidates where directory.isOpen(resource, during: parties.visit) {
            if let lane = try freeLane(of: resource, during: parties.occupied) { return Seat(resource: resource.id, lane: lane) }
        }
        if wish.isOverride, let seat = try closedSeat(among: candidates, parties) { return seat }
        try object(refusal)
        return nil
    }

    /// Staff who book on a Sunday need a room on a Sunday: why it is closed joins what they set aside.
    private mutating func closedSeat(among candidates: [Resource], _ parties: Parties) throws -> Seat? {
        for resource in candidates {
            let reasons = directory.reasonsClosed(resource, during: parties.visit)
            guard !reasons.isEmpty, let lane = try freeLane(of: resource, during: parties.occupied) else { continue }
            for reason in reasons { try object(reason) }
            return Seat(resource: resource.id, lane: lane)
        }
        return nil
    }

    private func freeLane(of resource: Resource, during range: TimeRange) throws -> Int? {
        let others = try others(of: resource.id, during: range)
        let lanes = wish.isOverride ? resource.lanes : resource.lanesOffered
        return (0..<max(0, lanes)).first { lane in !others.contains { $0.lane == lane } }
    }

    private func others(of holder: ID<Resource>, during range: TimeRange) throws -> [Claim] {
        let claims = try calendar.claims(of: holder, overlapping: range)
        let isAllTheirs = claims.allSatisfy { $0.appointment != moving && $0.range.overlaps(range) }
        return isAllTheirs ? claims : claims.filter { $0.appointment != moving && $0.range.overlaps(range) }
    }
}
