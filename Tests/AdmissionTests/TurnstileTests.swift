import Admission
import Notation
import Testing

@Suite struct TheTurnstile {
    /// Plays seconds in which so many come and so many at most find a place; the last window's let through, and what was refused.
    private func play(
        _ turnstile: inout Turnstile, _ urgency: Urgency = .look, come: Int, enter: Int, windows: Int, from start: Instant
    ) -> (through: Int, entered: Int) {
        var last = (through: 0, entered: 0)
        for window in 0..<windows {
            last = (0, 0)
            for _ in 0..<come where !turnstile.refuses(urgency) {
                last.through += 1
                if last.entered < enter {
                    last.entered += 1
                    turnstile.entered(urgency)
                } else {
                    turnstile.sentAway(urgency)
                }
            }
            turnstile.tick(at: start + .milliseconds(100 * (window + 1)))
        }
        return last
    }

    private func began(at now: Instant = .start) -> Turnstile {
        var turnstile = Turnstile()
        turnstile.tick(at: now)
        return turnstile
    }

    @Test func `lets everybody through while everybody finds a place`() {
        var turnstile = began()
        let last = play(&turnstile, come: 500, enter: 500, windows: 50, from: .start)
        #expect(last == (500, 500) && !turnstile.isTurning)
    }

    @Test(arguments: [2, 5, 20]) func `lets through a third more than find a place, so that those who do are as many as ever`(
        times: Int
    ) {
        var turnstile = began()
        let last = play(&turnstile, come: 100 * times, enter: 100, windows: 50, from: .start)
        #expect(last.entered == 100)
        #expect((101...160).contains(last.through), "\(last.through)")
    }

    @Test func `never refuses what is vital, nor anybody for what others ask`() {
        var turnstile = began()
        _ = play(&turnstile, .vital, come: 1_000, enter: 10, windows: 50, from: .start)
        _ = play(&turnstile, .report, come: 1_000, enter: 10, windows: 50, from: .start + .seconds(10))
        #expect(turnstile.refused(.vital) == 0 && turnstile.refused(.look) == 0 && turnstile.refused(.report) > 0.9)
        #expect(!(0..<100).contains { _ in turnstile.refuses(.vital) || turnstile.refuses(.look) })
    }

    @Test func `is open again within two seconds, and shows it while nothing finds a place too`() {
        var turnstile = began()
        let shut = play(&turnstile, come: 1_000, enter: 0, windows: 100, from: .start)
        #expect((1...60).contains(shut.through), "somebody has to show that there is room again")
        _ = play(&turnstile, come: 50, enter: 50, windows: 20, from: .start + .seconds(20))
        #expect(!turnstile.isTurning)
    }

    @Test func `knows nothing of before when the clock is set back`() {
        var turnstile = began(at: .start + .days(1))
        _ = play(&turnstile, come: 100, enter: 10, windows: 3, from: .start)
        #expect(turnstile.isTurning)
    }
}

@Suite struct TheBacklog {
    @Test func `is seen when somebody waits or is called late, and forgotten a second after nothing was seen of it`() {
        var backlog = Backlog()
        func sees(_ milliseconds: Int, late: Int = 0, inside: Int = 0, waiting: Int = 0) -> Bool {
            backlog.sees(
                late: .milliseconds(late), inside: inside, waiting: waiting, at: .start + .milliseconds(milliseconds))
        }
        #expect(!sees(0, late: 3, inside: 60))
        #expect(sees(25, late: 21) && sees(1_000))
        #expect(!sees(1_025))
        #expect(sees(1_050, waiting: 1) && sees(2_000, inside: 5) && sees(2_975, inside: 4))
        #expect(!sees(3_000, inside: 4))
        #expect(!sees(-5_000, inside: 9))
    }
}
