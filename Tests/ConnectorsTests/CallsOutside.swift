import Connectors
import NIOCore
import NIOHTTP1
import NIOPosix
import Notation
import Outbound
import Processes
import TestKit
import Testing

@Suite struct CallsOutside {
    private static let name = "rebind.clinic.lan"

    private func caller(
        _ port: Int, scheme: String = "http", resolver: any HostResolver, clock: any WallClock = MachineClock(),
        authority: String? = nil
    ) throws -> OutboundCaller {
        var settings = OutboundSettings()
        settings.authorities = authority
        // Both ends of the trick lie in what is open: what is shown here is not that the second address would be refused.
        let exception = OutboundException("\(scheme)://\(CallsOutside.name):\(port)=127.0.0.0/8")!
        return try OutboundCaller(
            policy: OutboundPolicy(exceptions: [exception]), resolver: resolver, clock: clock, settings: settings)
    }

    private func url(_ port: Int, _ scheme: String = "http") -> String { "\(scheme)://\(CallsOutside.name):\(port)/hook?a=%2F" }

    // MARK: Where a call goes

    /// Vets a name that changes what it stands for at once, and says which of the two places was called.
    private func placeCalled(
        by call: (_ port: Int, _ resolver: Fickle) async throws -> Void
    ) async throws -> (vetted: Int, other: Int, asked: Int) {
        let vetted = try await Place(.answers(.ok))
        let other = try await Place(.answers(.ok), at: "127.0.0.2", port: vetted.port)
        let resolver = Fickle([vetted.address], [other.address])
        try await call(vetted.port, resolver)
        let counts = (vetted.visits.count, other.visits.count, resolver.timesAsked)
        try await vetted.close()
        try await other.close()
        return counts
    }

    @Test func `a name is asked once, and the call goes where it was vetted for`() async throws {
        let called = try await placeCalled { port, resolver in
            let answer = try await caller(port, resolver: resolver).call(OutboundCall(.get, url(port)))
            #expect(answer.status == 200 && answer.body == Array("xx".utf8))
        }
        #expect(called == (vetted: 1, other: 0, asked: 1))
    }

    @Test func `negative control: who looks the name up again calls another place`() async throws {
        let called = try await placeCalled { port, resolver in
            let policy = OutboundPolicy(exceptions: [OutboundException("http://\(CallsOutside.name):\(port)=127.0.0.0/8")!])
            _ = try await OutboundGuard(policy: policy, resolver: resolver).vet(url(port))
            // What a client does that is given the vetted URL and nothing else.
            let again = resolver.addresses(of: CallsOutside.name)[0]
            try await askPlainly("\(again)", port)
        }
        #expect(called == (vetted: 0, other: 1, asked: 2))
    }

    private func askPlainly(_ host: String, _ port: Int) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: host, port: port) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            for try await _ in inbound { return }
        }
    }

    @Test func `each call is vetted anew`() async throws {
        let place = try await Place(.answers(.ok))
        let caller = try caller(place.port, resolver: Fickle(["127.0.0.1"], ["169.254.169.254"]))
        _ = try await caller.call(OutboundCall(.get, url(place.port)))
        await #expect(throws: OutboundRefusal.address) { try await caller.call(OutboundCall(.get, url(place.port))) }
        #expect(place.visits.count == 1)
        try await place.close()
    }

    @Test func `a redirect is an answer, and is not followed`() async throws {
        let other = try await Place(.answers(.ok))
        let place = try await Place(.answers(.found, headers: [("Location", "http://127.0.0.1:\(other.port)/")]))
        let answer = try await caller(place.port, resolver: Fickle(["127.0.0.1"])).call(OutboundCall(.get, url(place.port)))
        #expect(answer.status == 302 && answer[header: "location"]?.hasSuffix("\(other.port)/") == true)
        #expect(other.visits.isEmpty)
        try await place.close()
        try await other.close()
    }

    // MARK: As whom

    @Test func `the other side hears the name, not the address, and proves that it bears it`() async throws {
        let folder = try TemporaryFolder("calls")
        defer { folder.remove() }
        let certificate = try await Certificate.make(for: CallsOutside.name, in: folder)
        let place = try await Place(.answers(.ok), certificate: certificate)
        let caller = try caller(
            place.port, scheme: "https", resolver: Fickle(["127.0.0.1"]), authority: certificate.authority)
        let answer = try await caller.call(
            OutboundCall(.post, url(place.port, "https"), headers: [("X-Sign", "1")], body: Array("{}".utf8)))
        #expect(answer.status == 200)
        let visit = try #require(place.visits.first)
        #expect(place.namesAskedFor == [CallsOutside.name] && visit.host == "\(CallsOutside.name):\(place.port)")
        #expect(visit.target == "/hook?a=%2F" && visit.headers.contains("X-Sign: 1"))
        try await place.close()
    }

    @Test func `nothing is said to who cannot prove it`() async throws {
        let folder = try TemporaryFolder("calls")
        defer { folder.remove() }
        let own = try await Certificate.make(for: CallsOutside.name, in: folder)
        let strange = try await Certificate.make(for: "other.clinic.lan", in: folder)
        for (shown, trusted) in [(own, strange.authority), (strange, strange.authority)] {
            let place = try await Place(.answers(.ok), certificate: shown)
            let caller = try caller(place.port, scheme: "https", resolver: Fickle(["127.0.0.1"]), authority: trusted)
            await #expect(throws: OutboundFault.connection) {
                try await caller.call(OutboundCall(.post, url(place.port, "https"), body: Array("{}".utf8)))
            }
            #expect(place.visits.isEmpty)
            try await place.close()
        }
    }

    @Test(arguments: [
        ("Host", "evil.example.org"), ("host", "x"), ("Content-Length", "5"), ("Transfer-Encoding", "chunked"),
        ("Connection", "x"),
        ("X-A", "1\r\nX-B: 2"), ("X-A", "1\nX-B: 2"), ("X-A\r\nX-B", "1"), ("X A", "1"), ("", "1"), ("X-A", "1\u{0}"),
    ])
    func `a header that is none, or is not the caller's to set, is not sent`(name: String, value: String) async throws {
        let place = try await Place(.answers(.ok))
        let caller = try caller(place.port, resolver: Fickle(["127.0.0.1"]))
        await #expect(throws: OutboundFault.header) {
            try await caller.call(OutboundCall(.get, url(place.port), headers: [(name, value)]))
        }
        #expect(place.visits.isEmpty)
        try await place.close()
    }

    // MARK: How much and how long

    @Test func `an answer is taken to its limit and not beyond`() async throws {
        for (bytes, isTaken) in [(65_536, true), (65_537, false)] {
            let place = try await Place(.answers(.created, bytes: bytes))
            let caller = try caller(place.port, resolver: Fickle(["127.0.0.1"]))
            if isTaken {
                #expect(try await caller.call(OutboundCall(.get, url(place.port))).body.count == bytes)
            } else {
                await #expect(throws: OutboundFault.answerTooLong(status: 201)) {
                    try await caller.call(OutboundCall(.get, url(place.port)))
                }
            }
            try await place.close()
        }
    }

    @Test func `an answer without end is left`() async throws {
        let place = try await Place(.neverEnds)
        let caller = try caller(place.port, resolver: Fickle(["127.0.0.1"]))
        await #expect(throws: OutboundFault.answerTooLong(status: 202)) {
            try await caller.call(OutboundCall(.get, url(place.port)))
        }
        try await place.close()
    }

    @Test(arguments: [Place.Manner.saysNothing, .drips]) func `who does not answer in time is left`(
        manner: Place.Manner
    ) async throws {
        let place = try await Place(manner)
        let clock = ManualClock(Instant("2026-03-02T09:00:00Z")!)
        let caller = try caller(place.port, resolver: Fickle(["127.0.0.1"]), clock: clock)
        async let outcome = fault { _ = try await caller.call(OutboundCall(.get, url(place.port))) }
        await place.visited()
        clock.advance(by: .seconds(15))
        #expect(await outcome as? OutboundFault == .timedOut)
        try await place.close()
    }

    @Test func `who looks up a name for ever is left too`() async throws {
        let clock = ManualClock(Instant("2026-03-02T09:00:00Z")!)
        let resolver = Speechless()
        let caller = try caller(9, resolver: resolver, clock: clock)
        async let outcome = fault { _ = try await caller.call(OutboundCall(.get, url(9))) }
        await resolver.asked()
        clock.advance(by: .seconds(15))
        #expect(await outcome as? OutboundFault == .timedOut)
    }

    @Test func `the machine's own resolver knows the machine itself`() async throws {
        let found = try await SystemResolver().addresses(of: "localhost")
        #expect(!found.isEmpty && found.allSatisfy { $0.kind == .loopback })
    }

    private func fault(_ body: () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch { return error }
    }
}
