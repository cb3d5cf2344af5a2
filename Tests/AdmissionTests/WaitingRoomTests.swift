import Admission
import Notation
import TestKit
import Testing

@Suite struct TheWaitingRoom {
    @Test func `lets in as many as there are places, fewer of those who can wait`() {
        for urgency in Urgency.allCases {
            var room = WaitingRoom(of: 20)
            var entered = 0
            while room.arrive(urgency, at: .start).0 == .enter { entered += 1 }
            #expect(entered == max(1, 20 * urgency.share / 100), "\(urgency)")
        }
    }

    @Test func `lets in the most urgent first, and among them who came first`() {
        var room = WaitingRoom(of: 20)
        while room.enters(.vital) {}
        let order: [Urgency] = [.report, .look, .change, .vital, .change, .look, .release, .vital]
        let numbers = order.map { room.waits($0, at: .start) }
        var admitted: [Int] = []
        // A report waits until two thirds of the places are empty.
        while room.inside > 0 { admitted += room.leave(after: nil, at: .start).admitted }
        #expect(admitted == [3, 7, 6, 2, 4, 1, 5, 0].map { numbers[$0] })
    }

    @Test func `keeps nobody longer than its patience`() {
        var room = WaitingRoom(of: 20)
        while room.enters(.vital) {}
        let number = room.waits(.change, at: .start)
        #expect(room.tick(at: .start + .milliseconds(249)) == WaitingRoom.Outcome())
        #expect(room.tick(at: .start + .milliseconds(250)).dismissed == [number])
        #expect(room.waiting == 0)
    }

    @Test func `sends the least urgent away when it is full, and nobody for one who is less urgent`() {
        var room = WaitingRoom(of: 20)
        while room.enters(.vital) {}
        let reports = (0..<5).map { _ in room.waits(.report, at: .start) }
        for _ in 0..<15 { _ = room.waits(.change, at: .start) }
        for report in reports {
            let (answer, outcome) = room.arrive(.vital, at: .start)
            #expect(answer != .turnedAway && answer != .enter && outcome.dismissed == [report])
        }
        #expect(room.arrive(.look, at: .start).0 == .turnedAway)
        #expect(room.arrive(.report, at: .start).0 == .turnedAway)
        #expect(room.arrive(.change, at: .start).1.dismissed.count == 1)
    }

    @Test func `lets in who came last while it is crowded, because the others are late anyway`() {
        var room = WaitingRoom(of: 20)
        while room.enters(.vital) {}
        var numbers = (0..<21).map { _ in room.waits(.vital, at: .start) }
        numbers.removeFirst()
        for number in [numbers.removeLast(), numbers.removeLast()] {
            #expect(room.leave(after: nil, at: .start).admitted == [number])
        }
    }

    @Test func `lets in nothing that can wait while connections run out`() {
        var room = WaitingRoom(of: 20)
        room.isCrammed = true
        #expect(Urgency.allCases.map { room.arrive($0, at: .start).0 } == [.enter, .enter, .enter, .turnedAway, .turnedAway])
        room.isCrammed = false
        #expect(room.arrive(.look, at: .start).0 == .enter)
    }

    /// Beside one that looks through a plain list of everybody at every step.
    @Test(arguments: 0..<300) func `does what an obvious one does`(seed: Int) {
        var chance = Chance(seed: seed)
        let size = chance.number(16...40)
        var (room, plain, now) = (WaitingRoom(of: size), PlainRoom(size: size), Instant.start)
        for _ in 0..<1_000 {
            now = now + .milliseconds(chance.happens(oneIn: 3) ? chance.number(0...60) : 0)
            if chance.happens(oneIn: 50) {
                room.isCrammed.toggle()
                plain.isCrammed.toggle()
            }
            switch chance.number(0...9) {
            case 0:
                let (outcome, expected) = (room.tick(at: now), plain.tick(at: now))
                #expect(outcome == expected)
            case 1...4 where room.inside > 0:
                let (outcome, expected) = (room.leave(after: nil, at: now), plain.leave(at: now))
                #expect(outcome == expected)
            default:
                let urgency = chance.one(of: Urgency.allCases)
                let (answer, outcome) = room.arrive(urgency, at: now)
                let (expected, others) = plain.arrive(urgency, at: now)
                #expect(answer == expected && outcome == others)
            }
            #expect(room.inside == plain.inside && room.waiting == plain.waiting.count)
            #expect(room.waiting <= size && room.inside <= size)
        }
    }
}

/// The rules once more, without any care for speed.
private struct PlainRoom {
    struct Waiter {
        var number: Int
        var urgency: Urgency
        var since: Instant
    }

    let size: Int
    var inside = 0
    /// In the order in which they came.
    var waiting: [Waiter] = []
    var isCrammed = false
    var isCrowded = false
    var last = 0

    func places(_ urgency: Urgency) -> Int { isCrammed && urgency >= .look ? 0 : max(1, size * urgency.share / 100) }

    mutating func arrive(_ urgency: Urgency, at now: Instant) -> (WaitingRoom.Answer, WaitingRoom.Outcome) {
        var outcome = tick(at: now)
        if inside < places(urgency), !waiting.contains(where: { $0.urgency <= urgency }) {
            inside += 1
            return (.enter, outcome)
        }
        if places(urgency) == 0 { return (.turnedAway, outcome) }
        if waiting.count >= size {
            isCrowded = true
            let worst = waiting.map(\.urgency).max()!
            if worst < urgency { return (.turnedAway, outcome) }
            let index = waiting.firstIndex { $0.urgency == worst }!
            outcome.dismissed.append(waiting.remove(at: index).number)
        }
        last += 1
        waiting.append(Waiter(number: last, urgency: urgency, since: now))
        return (.wait(last), outcome)
    }

    mutating func leave(at now: Instant) -> WaitingRoom.Outcome {
        inside -= 1
        return tick(at: now)
    }

    mutating func tick(at now: Instant) -> WaitingRoom.Outcome {
        var outcome = WaitingRoom.Outcome()
        let late = waiting.filter { now - $0.since >= .milliseconds(250) }
        outcome.dismissed = late.sorted { ($0.urgency, $0.number) < ($1.urgency, $1.number) }.map(\.number)
        if !late.isEmpty { isCrowded = true }
        waiting.removeAll { now - $0.since >= .milliseconds(250) }
        while let urgency = waiting.map(\.urgency).min(), inside < places(urgency) {
            let line = waiting.filter { $0.urgency == urgency }
            let next = isCrowded ? line.last! : line.first!
            waiting.removeAll { $0.number == next.number }
            inside += 1
            outcome.admitted.append(next.number)
        }
        if waiting.isEmpty { isCrowded = false }
        return outcome
    }
}

extension WaitingRoom {
    /// With a limit that stays as it is.
    init(of size: Int) {
        var settings = Settings()
        settings.limit.first = Double(size)
        self.init(settings)
    }

    mutating func waits(_ urgency: Urgency, at now: Instant) -> Int {
        guard case .wait(let number) = arrive(urgency, at: now).0 else { return -1 }
        return number
    }
}
