import Notation
import People
import Scheduling
import Workflows

// What a caller may want next.
extension SimulatedCaller {
    mutating func doSomething() async {
        if caller.role == .patient, random.below(5) == 0, await answerOffer() { return }
        switch random.below(100) {
        case ..<22: await book(offered: true, isHold: false)
        case ..<32: await book(offered: false, isHold: false)
        case ..<46: await book(offered: random.below(3) > 0, isHold: true)
        case ..<57: await change { .confirm($0.id, version: $1) }
        case ..<67: await change { .cancel($0.id, version: $1) }
        case ..<77: await move()
        case ..<81: await repeatEarlier()
        case ..<84: await misuseKey()
        case ..<87: await bookAgainUnderSameName()
        case ..<90: await meddle()
        case ..<94: await lookAtOwn()
        case ..<97: await listDay()
        default: await runTheDay()
        }
    }

    private mutating func book(offered: Bool, isHold: Bool) async {
        guard let request = offered ? offer(isHold) : anything(isHold) else { return }
        await pursue(.book(request))
    }

    /// What the program's own index proposes, however old it is.
    private func offer(_ isHold: Bool) -> BookingRequest? {
        let visitType = random.below(3) == 0 ? plan.procedure : plan.consultation
        let search = TimeSearch(visitType: visitType, range: plan.range(ofDays: 1..<3), limit: 12)
        guard let offers = try? world.anyNode(random).clinic.freeTimes(search, for: caller).elements,
            let offer = random.one(of: offers)
        else { return nil }
        var request = BookingRequest(
            visitType: visitType, practitioner: offer.practitioner, start: offer.start, patients: [somebody()], isHold: isHold)
        if random.below(3) == 0 { request.id = world.identifiers.next(Appointment.self) }
        return request
    }

    /// Something nobody proposed: taken, closed, past or off the grid, by staff sometimes with a reason to do it anyway.
    private func anything(_ isHold: Bool) -> BookingRequest {
        var request = BookingRequest(
            visitType: random.below(4) == 0 ? plan.procedure : plan.consultation,
            practitioner: plan.practitioner(random.below(plan.practitioners)), start: anyStart(), patients: [somebody()],
            isHold: isHold)
        if random.below(3) == 0 { request.id = world.identifiers.next(Appointment.self) }
        if random.below(3) == 0 { request.overrideReason = Personal("an emergency") }
        return request
    }

    private func anyStart() -> Instant {
        switch random.below(12) {
        case 0: plan.time(day: 0, hour: 7)
        case 1: plan.time(day: 1, hour: 7, minute: 5 * random.below(12))
        case 2: plan.time(day: 1, hour: 9, minute: 5 * random.below(12))
        case 3: plan.time(day: 30, hour: 9)
        default: plan.time(day: 1 + random.below(2), hour: 9, minute: 15 * random.below(11))
        }
    }

    /// Patients ask for themselves, and now and then for somebody else; staff for anybody.
    private func somebody() -> ID<Participant> {
        caller.isStaff || random.below(20) == 0 ? plan.patient(random.below(plan.patients)) : caller.subject.of()
    }

    /// Something with one of its own, whatever state that is in; sometimes naming the version it saw last.
    private mutating func change(_ make: (Told, Int?) -> Ask) async {
        guard let one = random.one(of: mine) else { return await book(offered: true, isHold: true) }
        await pursue(make(one, random.below(3) == 0 ? one.version - random.below(2) : nil))
    }

    private mutating func move() async {
        let practitioner = random.below(3) == 0 ? plan.practitioner(random.below(plan.practitioners)) : nil
        let reason = random.below(6) == 0 ? Personal("an emergency") : nil
        // Back to where it was, now and then: what was planned for that time before must not happen twice.
        let start =
            random.below(4) == 0
            ? random.one(of: world.known.all.filter { told in mine.contains { $0.id == told.id } })?.start : nil
        let request = MoveRequest(start: start ?? anyStart(), practitioner: practitioner, overrideReason: reason)
        await change { .move($0.id, request, version: $1) }
    }

    private mutating func repeatEarlier() async {
        guard let (ask, key) = random.one(of: keyed) else { return }
        await insist(on: ask, key: key)
    }

    private mutating func misuseKey() async {
        guard let (_, key) = random.one(of: keyed) else { return }
        await insist(on: .book(anything(false)), key: key)
    }

    /// The same name again, for the same or for something else.
    private mutating func bookAgainUnderSameName() async {
        let named = world.history.all.filter { $0.caller == caller && $0.ask.isNamedByClient }
        guard case .book(var request) = random.one(of: named)?.ask else { return }
        if random.below(2) == 0 { request.start = anyStart() }
        await insist(on: .book(request), key: nil)
    }

    /// With an appointment that may be anybody's.
    private mutating func meddle() async {
        guard let one = random.one(of: world.known.all) else { return }
        await pursue(random.below(2) == 0 ? .cancel(one.id) : .confirm(one.id))
    }

    /// Takes what is held for them because they wait, or lets it pass. False where there is nothing.
    private mutating func answerOffer() async -> Bool {
        let list = try? await world.anyNode(random).clinic.offers(
            of: caller.subject.of(), page: PageRequest(limit: 200), for: .looking(caller)
        )
        guard let hold = list?.elements.last(where: { $0.state == .open })?.recipient?.appointment else { return false }
        await pursue(random.below(3) > 0 ? .confirm(hold) : .cancel(hold))
        return true
    }

    private mutating func runTheDay() async {
        guard caller.isStaff, let one = random.one(of: world.known.all) else { return }
        let step = DayStep.allCases[random.below(DayStep.allCases.count)]
        await pursue(random.below(4) == 0 ? .markError(one.id) : .advance(one.id, step))
    }

    // MARK: Looking

    /// Nobody is shown less than they were told (C10).
    private func lookAtOwn() async {
        guard let one = random.one(of: mine),
            let seen = try? await world.anyNode(random).clinic.appointment(one.id, for: .looking(caller))
        else { return }
        world.coverage.add("looked at an own appointment")
        if seen.version < one.version {
            world.complaints.add(Violation(promise: .nothingLost, detail: "\(name) was shown an older version of \(one.id)"))
        }
    }

    /// Nobody is ever shown a double booking, also not in passing (C1).
    private func listDay() async {
        let practitioner = random.below(plan.practitioners)
        let list = AppointmentList.ofPractitioner(plan.practitioner(practitioner))
        guard
            let page = try? await world.anyNode(random).clinic.appointments(
                list, in: plan.range(ofDays: 1..<3), page: PageRequest(limit: 200), for: .looking(plan.desk()))
        else { return }
        world.coverage.add("looked at a day")
        let live = page.elements.filter { $0.state.holdsItsTime }.map(\.visit)
        if let instant = Checker.firstCrowd(live, beyond: plan.lanes) {
            world.complaints.add(Violation(promise: .neverDoubleBooked, detail: "\(name) was shown a crowd at \(instant)"))
        }
    }
}
