import API
import Admission
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOPosix
import Notation
import Testing

/// Over a real socket: what the wire does to requests.
@Suite struct OverTheWire {
    @Test func `long answers come compressed to whom it helps, and read the same`() async throws {
        try await onTheWire { visitor in
            for _ in 0..<20 { _ = try await visitor.booked() }
            let path = "/v1/appointments?patient=\(Known.emma)"
            let plain = try await visitor.get(path, headers: ["Accept-Encoding": "identity"])
            let small = try await visitor.get(path, headers: ["Accept-Encoding": "br, gzip;q=0.5"])
            #expect(plain[header: "Content-Encoding"] == nil && plain[header: "Vary"] == "Accept-Encoding")
            #expect(small[header: "Content-Encoding"] == "gzip" && small[header: "Vary"] == "Accept-Encoding")
            #expect(small.body.count < plain.body.count / 2)
            #expect(try unzipped(small.body) == plain.body)
            for refusing in ["gzip;q=0", "gzip; q=0.0", "notgzip", "deflate", ""] {
                #expect(
                    try await visitor.get(path, headers: ["Accept-Encoding": refusing])[header: "Content-Encoding"] == nil,
                    "\(refusing)")
            }
            #expect(
                try await visitor.get("/health/live", headers: ["Accept-Encoding": "gzip"])[header: "Content-Encoding"] == nil,
                "too short to pay")
        }
    }

    @Test func `a body beyond the limit is refused, also when its length is not said`() async throws {
        try await onTheWire(bodyMaximum: 10_000) { visitor async throws in
            let large = #"{"name":"\#(String(repeating: "x", count: 200_000))"}"#
            #expect(try await visitor.send(.post("/v1/patients", large)).problem == "body-too-large")
        }
        try await onTheWire(bodyMaximum: 10_000) { visitor in
            let chunk = String(repeating: "x", count: 0x4000)
            let answer = try await visitor.raw(
                """
                POST /v1/patients HTTP/1.1\r
                Host: clinic\r
                Authorization: Bearer \(try await visitor.house.token(.desk))\r
                Idempotency-Key: k\r
                Transfer-Encoding: chunked\r
                Connection: close\r
                \r
                4000\r
                \(chunk)\r
                0\r
                \r

                """)
            #expect(answer.hasPrefix("HTTP/1.1 413"), "\(answer.prefix(300))")
        }
    }

    @Test func `a body that does not come to an end is not waited for`() async throws {
        try await onTheWire { visitor in
            let head = """
                POST /v1/patients HTTP/1.1\r
                Host: clinic\r
                Authorization: Bearer \(try await visitor.house.token(.desk))\r
                Idempotency-Key: k\r
                Content-Length: 5000\r
                Connection: close\r
                \r
                {"name":
                """
            async let answer = visitor.raw(head, hangsUp: false)
            await visitor.house.clock.slept()
            visitor.house.clock.advance(by: .seconds(15))
            #expect(try await answer.hasPrefix("HTTP/1.1 408"))
        }
    }

    @Test(arguments: [
        "GET  HTTP/1.1\r\n\r\n", "rubbish\r\n\r\n", "GET /health/live HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET /health/live HTTP/9.9\r\nHost: x\r\n\r\n",
        "POST /v1/patients HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/patients HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ])
    func `what is not HTTP ends its own connection and nobody else's`(text: String) async throws {
        try await onTheWire { visitor in
            let answer = try await visitor.raw(text)
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer.prefix(200))")
            #expect(try await visitor.get("/health/live", by: nil).status == 200)
        }
    }

    @Test func `many callers on one time get it once (MA-4)`() async throws {
        try await onTheWire { visitor in
            let start = visitor.house.newStart()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for patient in [Known.emma, Known.noah, Known.lina, Known.felix] {
                    for _ in 0..<4 {
                        group.addTask {
                            try await visitor.send(.post("/v1/appointments", Known.booking(at: start, for: [patient]))).status
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 201 }.count == 1 && statuses.filter { $0 == 409 }.count == 15)
        }
    }
}

func onTheWire(
    bodyMaximum: Int = 64 * 1024, door: Doorkeeper = Doorkeeper(), _ body: @escaping @Sendable (Visitor) async throws -> Void
) async throws {
    let house = try await House(bodyMaximum: bodyMaximum, door: door)
    let application = Application(
        router: house.serving.router(),
        server: .http1(configuration: .init(additionalChannelHandlers: [house.serving.earlyRefusal()])),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)), logger: Journal.silent)
    do { try await application.test(.live) { try await body(Visitor(house: house, client: $0)) } } catch {
        await house.close()
        throw error
    }
    await house.close()
}

private func unzipped(_ bytes: [UInt8]) throws -> [UInt8] {
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-dc"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
    return Array(output.fileHandleForReading.readDataToEndOfFile())
}

extension Visitor {
    /// Sends bytes as they are and reads until the server hangs up, or has answered so many times.
    func raw(_ text: String, hangsUp: Bool = true, answers: Int = .max) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: try #require(client.port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            if hangsUp { outbound.finish() }
            var answer = ""
            for try await buffer in inbound {
                answer += String(buffer: buffer)
                if wholeAnswers(in: answer) >= answers { break }
            }
            return answer
        }
    }

    /// How many whole answers there are, each with its length.
    private func wholeAnswers(in text: String) -> Int {
        var (rest, count) = (text[...], 0)
        while let head = rest.firstRange(of: "\r\n\r\n"),
            let length = rest[..<head.lowerBound].lowercased().firstMatch(of: /content-length: ([0-9]+)/).flatMap({ Int($0.1) }),
            rest[head.upperBound...].utf8.count >= length
        {
            rest = Substring(rest[head.upperBound...].utf8.dropFirst(length))
            count += 1
        }
        return count
    }
}
