import Connectors
import Letters
import Notation
import Outbox
import People
import Resilience
import Storage
import Synchronization
import TestKit
import Testing
import TrialMail
import Workflows

/// Hands letters to one mail server or, after a while, to another: as if it had been away and come back.
private final class Away: LetterCarrier {
    private let carriers: (away: any LetterCarrier, back: any LetterCarrier)
    private let isBack = Mutex(false)
    private let asked = Mutex(0)

    init(_ away: any LetterCarrier, _ back: any LetterCarrier) { carriers = (away, back) }

    func comeBack() { isBack.withLock { $0 = true } }
    var timesAsked: Int { asked.withLock { $0 } }

    func carry(_ letter: Letter) async -> Handover {
        let handover = await (isBack.withLock { $0 } ? carriers.back : carriers.away).carry(letter)
        if case .resting = handover { return handover }
        asked.withLock { $0 += 1 }
        return handover
    }
}

extension Promises {
    /// What becomes of letters while the mail server fails (MC-2, MA-9): it is left alone, they wait, and each is carried later, once.
    @Suite struct AMailServerMayFail {
        private func deliver(_ door: AccountFixture, by carrier: any LetterCarrier) async throws {
            let stationery = try Stationery(
                from: Sender("City Clinic <noreply@clinic.example>")!, links: "https://clinic.example")
            let worker = Outbox(
                database: door.fixture.database, surroundings: door.fixture.surroundings, workerName: "worker",
                handlers: door.accounts.deliveries(by: carrier, on: stationery))
            while try await worker.step() > 0 {}
        }

        private func invite(_ numbers: Range<Int>, _ door: AccountFixture) async throws {
            for number in numbers {
                let email = try #require(MailAddress("new\(number)@demo.example"))
                _ = try await door.accounts.invite(Invitation(email: email, role: .desk), by: "test", request: "test")
            }
        }

        @Test(arguments: Engine.allCases)
        func `it is left alone after a few failures, the letters wait, and each arrives once when it is back`(engine: Engine)
            async throws
        {
            try await TrialMailServer.run(.plain) { server in
                try await AccountFixture.open(engine) { door in
                    let clock = door.fixture.clock
                    let way = try WayOut(.mailServer, surroundings: door.fixture.surroundings)
                    // Port 1 is nobody's.
                    let carrier = Away(
                        SMTPConnector(MailServer(host: "127.0.0.1", port: 1, encryption: .none), way: way),
                        SMTPConnector(MailServer(host: "localhost", port: server.port, encryption: .none), way: way))
                    try await invite(0..<5, door)
                    try await deliver(door, by: carrier)
                    #expect(carrier.timesAsked == 5 && way.status.state.isOpen, "\(way.status.state)")
                    try await invite(5..<9, door)
                    for _ in 0..<20 {
                        clock.advance(by: .milliseconds(200))
                        try await deliver(door, by: carrier)
                    }
                    #expect(carrier.timesAsked == 5, "nobody asks it")
                    carrier.comeBack()
                    for _ in 0..<60 {
                        clock.advance(by: .seconds(10))
                        try await deliver(door, by: carrier)
                    }
                    let arrivals = try server.arrivals()
                    #expect(arrivals.map(\.to).sorted() == (0..<9).map { "new\($0)@demo.example" }, "each once")
                    #expect(way.status.state == .closed && way.status.counts.opened == 1)
                }
            }
        }

        /// `minutes` is how long it takes to list what it has; the negative control believes that it lists it at once.
        @Test(arguments: Engine.allCases, [5, 0])
        func `a letter that may be there already is looked for when the list can have it, and not sent again`(
            engine: Engine, minutes: Int
        ) async throws {
            try await AccountFixture.open(engine) { door in
                let (clock, box) = (door.fixture.clock, Letterbox())
                box.canBeAsked(after: .minutes(minutes))
                box.list(false)
                // It has the first, and says that it has not.
                box.answer(.later(after: nil, reason: "it broke off"))
                try await invite(0..<1, door)
                func live(_ seconds: Int) async throws {
                    for _ in 0..<(seconds / 10) {
                        try await door.deliver(box)
                        clock.advance(by: .seconds(10))
                    }
                }
                try await live(240)
                box.list(true)
                try await live(1_200)
                #expect(box.letters.count == (minutes == 0 ? 2 : 1) && box.looks > 0)
            }
        }

        /// A day on which nobody asks costs no letter its attempts.
        @Test(arguments: Engine.allCases) func `to wait for it spends no attempts`(engine: Engine) async throws {
            try await AccountFixture.open(engine) { door in
                let (clock, box) = (door.fixture.clock, Letterbox())
                try await invite(0..<1, door)
                for _ in 0..<1_200 {
                    box.answer(.resting(until: clock.now + .seconds(10)))
                    try await door.deliver(box)
                    clock.advance(by: .seconds(10))
                }
                #expect(box.letters.count == 1_200 && box.seen.count == 1)
                let dead = try await door.fixture.database.read { try $0.fetch(DeadLetters()) }
                #expect(dead.isEmpty)
                box.answer(.done)
                try await door.deliver(box)
                try await door.deliver(box)
                #expect(box.letters.count == 1_201, "it has arrived")
            }
        }
    }
}
