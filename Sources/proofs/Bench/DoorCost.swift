import Admission
import Notation

/// What the door takes of every request: its rate limits, and a place among those that are worked on.
struct DoorCost {
    private static let requests = 1_000_000

    func measure() -> [Finding] {
        let costs = (0..<5).map { _ in Self.microseconds() }
        say("the door: \(costs.map(Finding.short).joined(separator: ", ")) µs a request")
        return [
            .bound("what the door takes of a request", costs.median, unit: "µs", with: "20,000 users, 2,000 addresses", below: 2)
        ]
    }

    private static func microseconds() -> Double {
        var limiter = RateLimiter(.usual)
        var room = WaitingRoom()
        var admitted = 0
        let start = MachineClock().now
        let began = ContinuousClock.now
        for number in 0..<requests {
            // Spread so that nobody is refused: a refusal is cheaper.
            let now = start + Span(microseconds: Int64(number) * 2_000)
            let address = NetworkAddress(version4: 0x0A00_0000 | UInt32(number % 2_000))
            let user = RateLimiter.User(ID<DoorCost>(high: 1, low: UInt64(number % 20_000)), of: "riverside")
            let arrived = limiter.arrive(from: address, as: .change, isSignIn: false, at: now)
            let entered = limiter.enter(tenant: "riverside", user: user, as: .change, at: now)
            if arrived?.isRefused != true, entered?.isRefused != true, room.enters(.change) {
                admitted += 1
                _ = room.leave(after: .milliseconds(5), at: now)
            }
        }
        let passed = (ContinuousClock.now - began) / .microseconds(1)
        precondition(admitted == requests, "somebody was refused, and what is measured is not what is meant")
        return passed / Double(requests)
    }
}
