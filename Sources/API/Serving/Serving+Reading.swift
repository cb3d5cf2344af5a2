import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Notation
import People
import Storage

// What comes in: the key, the body, the request's id.
extension Serving {
    /// 1…255 printable ASCII characters, bare or as a structured-field string.
    func idempotencyKey(_ request: Request) throws(Problem) -> String {
        guard var key = request.headers[.idempotencyKey].map({ $0[...] }), !key.isEmpty else {
            throw Problem(.idempotencyKeyMissing)
        }
        if key.count >= 2, key.hasPrefix("\""), key.hasSuffix("\"") { key = key.dropFirst().dropLast() }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(.idempotencyKeyMissing, detail: "The key must have 1 to 255 printable ASCII characters.")
        }
        return String(key)
    }

    /// The body as it came.
    func bytes(_ request: Request) async throws -> [UInt8] { Array(try await buffer(request).readableBytesView) }

    private func buffer(_ request: Request) async throws -> ByteBuffer {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.bodyMaximum {
            throw Problem(.bodyTooLarge)
        }
        return try await collected(request)
    }

    func body(_ route: Route, _ request: Request) async throws -> JSON {
        let buffer = try await buffer(request)
        guard buffer.readableBytes > 0, route.form?.isEmpty != true else { return JSON(.object([])) }
        if let type = request.headers[.contentType]?.prefix(while: { $0 != ";" && $0 != " " }),
            type.lowercased() != "application/json" || route.shows != nil
        {
            guard let form = route.form, type.lowercased() == "application/x-www-form-urlencoded" else {
                throw Problem(.mediaTypeUnsupported)
            }
            return try FormText.parse(buffer.readableBytesView, of: form)
        }
        return try JSON(parsing: Array(buffer.readableBytesView))
    }

    /// What the caller says they look for: one of HL7's codes that their role may name.
    func purpose(of request: Request, _ caller: Caller?) throws(Problem) -> Purpose? {
        guard let text = request.headers[.purposeOfUse] else { return nil }
        guard let purpose = Purpose(rawValue: text) else {
            let known = Purpose.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem(.badRequest, detail: "X-Purpose-Of-Use must be one of \(known).")
        }
        if let caller, !caller.role.purposes.contains(purpose) {
            throw Problem(.notPermitted, detail: "This role does not look for that purpose.")
        }
        return purpose
    }

    /// The client's own id when it is harmless, else a new one.
    func requestID(_ headers: HTTPFields) -> String {
        if let given = headers[.requestID], (1...64).contains(given.utf8.count),
            given.utf8.allSatisfy({
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 || $0 == 46
            })
        {
            return given
        }
        return surroundings.identifiers.next(Request.self).description
    }

    /// Runs a read so that a replica may answer it, when the route is one for lists and the client has said what it must see
    /// or does not mind; and a change so that the answer says where it stands (`Consistency-Token`).
    func recently(
        _ route: Route, _ request: Request, hasReplica: Bool, _ body: () async throws -> Answer
    ) async throws -> Answer {
        guard hasReplica else { return try await body() }
        if route.changesSomething {
            let mark = CommitMark()
            var answer = try await CommitMark.$current.withValue(mark) { try await body() }
            answer.consistencyToken = mark.value
            return answer
        }
        guard route.mayLag else { return try await body() }
        let mark = request.headers[.consistencyToken]
        if let mark, !CommitMark.isWellFormed(mark) {
            throw Problem(.badRequest, detail: "Consistency-Token is not one this server has given.")
        }
        return try await Recency.$wanted.withValue(.since(mark: mark)) { try await body() }
    }

    /// The whole body, or a refusal when it is too long or comes too slowly: a client that sends a byte a minute must not
    /// keep its place for ever. Small bodies arrive with the head, and pay for no clock.
    private func collected(_ request: Request) async throws -> ByteBuffer {
        let maximum = settings.bodyMaximum
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length <= 1024 {
            return try await collect(request.body, upTo: maximum)
        }
        let deadline = surroundings.clock.now + settings.bodyPatience
        return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
            group.addTask { try await self.collect(request.body, upTo: maximum) }
            group.addTask {
                try await self.surroundings.clock.sleep(until: deadline)
                throw Problem(.bodyTooSlow)
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    private func collect(_ body: RequestBody, upTo maximum: Int) async throws -> ByteBuffer {
        do { return try await body.collect(upTo: maximum) } catch is NIOTooManyBytesError {
            throw Problem(.bodyTooLarge)
        } catch is HTTPParserError {
            throw Problem(.badRequest, detail: "The body is not cut into pieces as HTTP does it.")
        } catch let error where !(error is CancellationError) {
            // Its client hung up, or kept us waiting until the connection was closed: no fault of ours.
            throw Problem(.badRequest, detail: "The body did not come to its end.")
        }
    }
}

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let consistencyToken = HTTPField.Name("Consistency-Token")!
    static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed")!
    static let requestID = HTTPField.Name("X-Request-Id")!
    static let purposeOfUse = HTTPField.Name("X-Purpose-Of-Use")!
    static let tenant = HTTPField.Name("X-Tenant")!
    static let rateLimit = HTTPField.Name("RateLimit")!
    static let rateLimitPolicy = HTTPField.Name("RateLimit-Policy")!
    static let forwarded = HTTPField.Name("Forwarded")!
    static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
}
