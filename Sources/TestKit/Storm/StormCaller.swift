import Notation
import People
import Scheduling
import Workflows

/// One of the crowd. Three of four are patients who ask for themselves, the others are at the desk and ask for anybody.
struct StormCaller: Sendable {
    private let number: Int
    private let plan: StormPlan
    private let fixture: ClinicFixture
    private let random: SeededRandom
    private let starts: [Instant]
    private let range: TimeRange
    /// What it holds or has booked, as it was last told.
    private var mine: [Told] = []
    private var lastKeyed: (ask: Ask, key: String)?
    private var keys = 0

    private(set) var waits: [Double] = []
    private(set) var changes = 0
    private(set) var refusals = 0
    private(set) var repeats = 0
    private(set) var failures = 0

    init(_ number: Int, _ plan: StormPlan, _ fixture: ClinicFixture) {
        self.number = number
        self.plan = plan
        self.fixture = fixture
        random = SeededRandom(seed: plan.seed &* 1_000 &+ UInt64(number))
        starts = fixture.plan.starts(onDays: plan.dayRange)
        range = fixture.plan.range(ofDays: plan.dayRange)
    }

    private var isDesk: Bool { number % 4 == 3 }
    private var caller: Caller { isDesk ? fixture.plan.desk(number) : fixture.plan.patientCaller(number) }

    mutating func rush(attempts: Int) async {
        waits.reserveCapacity(attempts)
        for _ in 0..<attempts { await tryOnce() }
    }

    private mutating func tryOnce() async {
        switch random.below(100) {
        case ..<40: await book(isHold: false)
        case ..<60: await book(isHold: true)
        case ..<70: await change { .confirm($0.id) }
        case ..<82: await change { .cancel($0.id) }
        case ..<92:
            let start = someStart()
            await change { .move($0.id, MoveRequest(start: start)) }
        default: await repeatLast()
        }
    }

    /// Half of the crowd wants the first hour.
    private func someStart() -> Instant {
        random.below(2) == 0 ? starts[random.below(min(2, starts.count))] : starts[random.below(starts.count)]
    }

    private mutating func book(isHold: Bool) async {
        let request = BookingRequest(
            id: random.below(4) == 0 ? fixture.newID() : nil, visitType: fixture.plan.consultation,
            practitioner: fixture.plan.practitioner(random.below(plan.practitioners)), start: someStart(),
            patients: [somePatient()], isHold: isHold)
        await ask(.book(request))
    }

    private func somePatient() -> ID<Participant> {
        fixture.plan.patient(isDesk ? random.below(fixture.plan.patients) : number)
    }

    /// Does something to one of its own; who has none books one.
    private mutating func change(_ make: (Told) -> Ask) async {
        guard let one = random.one(of: mine) else { return await book(isHold: true) }
        await ask(make(one))
    }

    /// The same request under the same key once more, as after a lost answer.
    private mutating func repeatLast() async {
        guard let (ask, key) = lastKeyed else { return await book(isHold: false) }
        await send(ask, key: key)
    }

    private mutating func ask(_ ask: Ask) async {
        guard random.below(2) == 0 else { return await send(ask, key: nil) }
        keys += 1
        let key = "caller-\(number)-\(keys)"
        lastKeyed = (ask, key)
        await send(ask, key: key)
    }

    private mutating func send(_ ask: Ask, key: String?) async {
        let started = ContinuousClock.now
        let outcome = await fixture.ask(ask, by: caller, key: key)
        waits.append((ContinuousClock.now - started).seconds)
        note(outcome)
    }

    private mutating func note(_ outcome: Outcome) {
        switch outcome {
        case .did(let told):
            changes += 1
            mine.removeAll { $0.id == told.id }
            if told.state != .cancelled { mine.append(told) }
            // Some forget what they hold: those holds run out by themselves.
            if mine.count > 6 { mine.removeFirst() }
        case .existed, .repeated: repeats += 1
        case .refused: refusals += 1
        case .wrongKey, .failed, .unknown: failures += 1
        }
    }

    /// Books something the index still offers, for whoever has time. False when it offers nothing.
    mutating func buyAnythingLeft() async -> Bool {
        let search = TimeSearch(visitType: fixture.plan.consultation, range: range, limit: 100)
        guard let offers = try? fixture.clinic.freeTimes(search, for: caller).elements, let offer = random.one(of: offers) else {
            return false
        }
        let request = BookingRequest(
            visitType: fixture.plan.consultation, practitioner: offer.practitioner, start: offer.start,
            patients: [fixture.plan.patient(random.below(fixture.plan.patients))])
        await fixture.ask(.book(request), by: fixture.plan.desk(number))
        return true
    }
}
