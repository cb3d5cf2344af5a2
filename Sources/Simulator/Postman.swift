import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Notation

/// A webhook on its way.
struct Post: Sendable {
    var part: Part
    var url: String
    var body: [UInt8]
    var type: String
    /// Signs it when it is sent: a signature has its time in it.
    var sign: @Sendable (_ now: Instant) -> (name: String, value: String)
    var due: Instant?
}

/// Takes webhooks to whoever asked for them, those of a part one after the other. Only ever to this machine.
final class Postman: Sendable {
    private let lines: [Part: (stream: AsyncStream<Post>, entry: AsyncStream<Post>.Continuation)]
    private let clock: any WallClock

    /// Tries of one, and seconds before the second and the third.
    private static let pauses: [Int] = [0, 1, 5]

    init(clock: any WallClock) {
        self.clock = clock
        lines = Dictionary(
            uniqueKeysWithValues: Part.allCases.map { part in
                let (stream, entry) = AsyncStream.makeStream(of: Post.self, bufferingPolicy: .bufferingOldest(10_000))
                return (part, (stream, entry))
            })
    }

    func take(_ post: Post) { lines[post.part]?.entry.yield(post) }

    static func isHere(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), parts.scheme == "http", parts.user == nil, let host = parts.host else {
            return false
        }
        return ["127.0.0.1", "localhost", "[::1]", "::1"].contains(host)
    }

    /// Until its task is cancelled.
    func run(_ world: World) async throws {
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        settings.httpVersion = .http1Only
        settings.connectionPool.retryConnectionEstablishment = false
        try await HTTPClient.withHTTPClient(configuration: settings) { client in
            await withTaskGroup(of: Void.self) { group in
                for (stream, _) in lines.values {
                    group.addTask { for await post in stream { await self.deliver(post, client, world) } }
                }
            }
        }
    }

    private func deliver(_ post: Post, _ client: HTTPClient, _ world: World) async {
        if let due = post.due { try? await clock.sleep(until: due) }
        for pause in Self.pauses {
            if pause > 0 { try? await clock.sleep(until: clock.now + .seconds(pause)) }
            if Task.isCancelled { return }
            let isTaken = await attempt(post, client)
            world.change { state in
                state.ledger.tallies[post.part, default: Tally()].webhooksSent += 1
                if isTaken { state.ledger.tallies[post.part, default: Tally()].webhooksTaken += 1 }
            }
            if isTaken { return }
        }
        world.change { $0.ledger.tallies[post.part, default: Tally()].webhooksRefused += 1 }
    }

    private func attempt(_ post: Post, _ client: HTTPClient) async -> Bool {
        guard Self.isHere(post.url) else { return false }
        var request = HTTPClientRequest(url: post.url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: post.type)
        request.headers.add(name: "MediConnect-Simulator", value: "1")
        let signature = post.sign(clock.now)
        request.headers.add(name: signature.name, value: signature.value)
        request.body = .bytes(ByteBuffer(bytes: post.body))
        do {
            let response = try await client.execute(request, timeout: .seconds(5))
            return (200..<300).contains(Int(response.status.code))
        } catch { return false }
    }
}
