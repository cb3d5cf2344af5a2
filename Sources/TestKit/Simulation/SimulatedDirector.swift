import Notation
import People
import Scheduling
import Workflows

/// Sets clocks, kills programs, and changes the clinic under everybody's feet.
struct SimulatedDirector: Sendable {
    let world: World
    let workers: [SimulatedWorker]
    let nodes: Int
    let random: SeededRandom

    func live() async {
        while !world.callersAreDone.isRaised {
            await world.pause(random, upTo: .seconds(40))
            if random.happens(perMille: world.weather.clockSetBack) {
                jump(by: .zero - random.span(upTo: World.largestJumpBack), "back")
            }
            if random.happens(perMille: 350) { jump(by: random.span(upTo: .minutes(6)), "forward") }
            if random.happens(perMille: world.weather.crashes) { random.one(of: workers)?.life.value?.die() }
            if random.happens(perMille: world.weather.crashes) { await restartNode(random.below(nodes)) }
            if random.happens(perMille: 300) { await rearrange() }
            if random.happens(perMille: 500) { await letSomebodyWait() }
        }
    }

    private func jump(by span: Span, _ direction: String) {
        world.journal.write("the clock jumps by \(span.seconds) s")
        world.coverage.add("clock jumped \(direction)")
        world.clock.jump(by: span)
    }

    private func restartNode(_ number: Int) async {
        world.journal.write("program \(number) is killed")
        world.coverage.add("program killed")
        world.node(number)?.database.die()
        await world.startNode(number)
    }

    /// Somebody stands on the waitlist from now on, if they do not already: for any time, or for the second day only.
    private func letSomebodyWait() async {
        let plan = world.plan
        var request = WaitlistRequest(
            patient: plan.patient(random.below(plan.patients)).of(),
            visitType: random.below(3) == 0 ? plan.procedure : plan.consultation, wantsOffers: random.below(8) > 0)
        if random.below(4) == 0 { request.earliest = CalendarDay("2026-03-04") }
        if random.below(4) == 0 { request.urgency = .urgent }
        let wording = Wording<WaitlistPlace>(
            done: { _ in StoredAnswer(status: 201, body: []) },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
        let call = Call(caller: plan.desk(), requestID: "director")
        guard let reply = try? await world.anyNode(random).clinic.joinWaitlist(request, call: call, wording: wording) else {
            return
        }
        let outcome = if case .refused(let refusal, _) = reply { "refused, \(refusal.rawValue)" } else { "done" }
        world.journal.write("somebody asks to wait: \(outcome)")
        if outcome == "done" { world.coverage.add("somebody waits") }
    }

    // MARK: The clinic changes

    /// Sends a practitioner away for an hour, or gives them more lanes or fewer. What is booked stays.
    private func rearrange() async {
        let practitioner = world.plan.practitioner(random.below(world.plan.practitioners))
        if random.below(3) == 0 {
            let from = world.plan.time(day: 1 + random.below(2), hour: 9 + random.below(3))
            let leave = ScheduleException(
                id: world.identifiers.next(ScheduleException.self), resource: practitioner, kind: .leave,
                range: TimeRange(from: from, to: from + .hours(1)))
            await change(.addException(leave), "leave")
        } else if let directory = try? await world.anyNode(random).clinic.currentDirectory(),
            var resource = directory.resources[practitioner]
        {
            resource.version += 1
            resource.lanes = 1 + random.below(world.plan.lanes)
            resource.lanesOffered = 1
            await change(.storeResource(resource), "lanes")
        }
    }

    private func change(_ change: DirectoryChange, _ what: String) async {
        let wording = Wording<Directory>(
            done: { _ in StoredAnswer(status: 204, body: []) },
            refused: { StoredAnswer(status: 409, body: Array($0.rawValue.utf8)) })
        let call = Call(caller: world.plan.admin(), requestID: "director")
        guard let reply = try? await world.anyNode(random).clinic.change(change, call: call, wording: wording) else { return }
        let outcome = if case .refused(let refusal, _) = reply { "refused, \(refusal.rawValue)" } else { "done" }
        world.journal.write("the director changes \(what): \(outcome)")
        world.coverage.add("\(what) changed: \(outcome)")
    }
}
