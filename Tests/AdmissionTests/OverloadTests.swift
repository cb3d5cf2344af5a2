import Admission
import Notation
import TestKit
import Testing

/// A whole server in virtual time: so many workers, so long a request, and everything slower the more of it there is, as on a machine
/// that has to remember and switch. Offered load comes whether or not the server has answered.
@Suite struct AnOverloadedServer {
    @Test func `does as much as at its best, never refuses what is vital, and is itself again at once`() {
        let peak = Self.peak()
        var server = SimulatedServer(room: WaitingRoom())
        _ = server.run(.seconds(5), perSecond: 750, from: .start)
        let overloaded = server.run(.seconds(20), perSecond: 7_500, from: .start + .seconds(5))
        #expect(overloaded.goodput >= 0.9 * peak, "\(overloaded.goodput) of \(peak)")
        #expect(overloaded.vitalSuccess >= 0.999, "\(overloaded.vitalSuccess)")
        _ = server.run(.seconds(2), perSecond: 750, from: .start + .seconds(25))
        let after = server.run(.seconds(5), perSecond: 750, from: .start + .seconds(27))
        #expect(after.success >= 0.999 && after.meanMilliseconds < 15, "\(after)")
    }

    @Test func `collapses without a waiting room`() {
        let peak = Self.peak()
        var everybody = WaitingRoom.Settings()
        everybody.limit.first = 1_000_000
        everybody.limit.limits = 1_000_000...1_000_000
        var server = SimulatedServer(room: WaitingRoom(everybody))
        let overloaded = server.run(.seconds(20), perSecond: 7_500, from: .start)
        #expect(overloaded.goodput < 0.5 * peak && overloaded.vitalSuccess < 0.9, "\(overloaded)")
    }

    @Test func `has as many places after a rush as on the first day, without anybody asking for them`() {
        var server = SimulatedServer(room: WaitingRoom(), baseMilliseconds: 20)
        let first = server.room.places
        _ = server.run(.seconds(20), perSecond: 2_000, from: .start)
        #expect(server.room.places < first, "\(server.room.places)")
        _ = server.run(.seconds(5), perSecond: 150, from: .start + .seconds(20))
        #expect(server.room.places >= first, "\(server.room.places)")
    }

    /// Answers a second at a little more than it can do.
    private static func peak() -> Double {
        var server = SimulatedServer(room: WaitingRoom())
        return server.run(.seconds(10), perSecond: 1_500, from: .start).goodput
    }

    @Test func `lets a database that is far away be far away`() {
        var server = SimulatedServer(room: WaitingRoom(), baseMilliseconds: 120, workers: 400)
        _ = server.run(.seconds(10), perSecond: 1_500, from: .start)
        let result = server.run(.seconds(20), perSecond: 1_500, from: .start + .seconds(10))
        #expect(result.success >= 0.999, "\(result)")
    }
}

private struct SimulatedServer {
    struct Result {
        var (offered, good, lost, vital, vitalLost) = (0, 0, 0, 0, 0)
        var seconds = 0.0
        var milliseconds = 0.0
        var goodput: Double { Double(good) / seconds }
        /// Who is still being helped when the run ends is not lost.
        var success: Double { 1 - Double(lost) / Double(max(1, offered)) }
        var vitalSuccess: Double { 1 - Double(vitalLost) / Double(max(1, vital)) }
        var meanMilliseconds: Double { milliseconds / Double(max(1, good)) }
    }

    private struct Job {
        var urgency: Urgency
        var arrivedAt: Instant
        var startedAt = Instant.start
    }

    var room: WaitingRoom
    var baseMilliseconds = 5
    var workers = 8
    private var chance = Chance(seed: 5)
    private var waiting: [Int: Job] = [:]
    /// Let in, and waiting for a worker.
    private var ready: [Job] = []
    private var nextReady = 0
    private var busy: [(end: Instant, job: Job)] = []

    init(room: WaitingRoom, baseMilliseconds: Int = 5, workers: Int = 8) {
        self.room = room
        self.baseMilliseconds = baseMilliseconds
        self.workers = workers
    }

    /// Steps of one millisecond. An answer is good within a second: then its client has gone.
    mutating func run(_ span: Span, perSecond rate: Int, from start: Instant) -> Result {
        var result = Result()
        result.seconds = span.seconds
        var due = 0.0
        for millisecond in 0..<Int(span.microseconds / 1_000) {
            let now = start + .milliseconds(millisecond)
            finish(at: now, &result)
            settle(room.tick(at: now), at: now, &result)
            due += Double(rate) / 1_000
            while due >= 1 {
                due -= 1
                arrive(at: now, &result)
            }
            begin(at: now)
        }
        for job in Array(ready[nextReady...]) + waiting.values where start + span - job.arrivedAt > .seconds(1) {
            lose(job, &result)
        }
        return result
    }

    private mutating func arrive(at now: Instant, _ result: inout Result) {
        let urgency: Urgency = chance.one(of: [.vital, .release, .change, .change, .change, .look, .look, .look, .look, .report])
        let job = Job(urgency: urgency, arrivedAt: now)
        result.offered += 1
        if urgency == .vital { result.vital += 1 }
        let (answer, outcome) = room.arrive(urgency, at: now)
        settle(outcome, at: now, &result)
        switch answer {
        case .enter: enter(job, at: now)
        case .wait(let number): waiting[number] = job
        case .turnedAway: lose(job, &result)
        }
    }

    private func lose(_ job: Job, _ result: inout Result) {
        result.lost += 1
        if job.urgency == .vital { result.vitalLost += 1 }
    }

    private mutating func settle(_ outcome: WaitingRoom.Outcome, at now: Instant, _ result: inout Result) {
        for number in outcome.dismissed { if let job = waiting.removeValue(forKey: number) { lose(job, &result) } }
        for number in outcome.admitted { if let job = waiting.removeValue(forKey: number) { enter(job, at: now) } }
    }

    private mutating func enter(_ job: Job, at now: Instant) {
        var job = job
        job.startedAt = now
        ready.append(job)
    }

    private mutating func begin(at now: Instant) {
        while busy.count < workers, nextReady < ready.count {
            let job = ready[nextReady]
            nextReady += 1
            // Everybody who is inside makes everybody slower.
            let slowness = 1 + Double(room.inside) / 2_000
            busy.append((now + Span(microseconds: Int64(Double(baseMilliseconds) * 1_000 * slowness)), job))
        }
    }

    private mutating func finish(at now: Instant, _ result: inout Result) {
        for (end, job) in busy where end <= now {
            if end - job.arrivedAt <= .seconds(1) {
                result.good += 1
                result.milliseconds += (end - job.arrivedAt).seconds * 1_000
            } else {
                lose(job, &result)
            }
            settle(room.leave(after: now - job.startedAt, at: now), at: now, &result)
        }
        busy.removeAll { $0.end <= now }
    }
}
