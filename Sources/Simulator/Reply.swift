import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Notation

/// What somebody asked.
struct Asked: Sendable {
    let path: [String]
    let query: [String: String]
    let headers: [String: String]
    let body: [UInt8]
    /// Fields of a form.
    let form: [String: String]

    static let longest = 256 * 1024

    init(_ request: Request) async throws {
        path = request.uri.path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        query = Dictionary(
            request.uri.queryParameters.map { (String($0.key), String($0.value)) }, uniquingKeysWith: { first, _ in first })
        var headers = Dictionary(
            request.headers.map { ($0.name.canonicalName, $0.value) }, uniquingKeysWith: { first, _ in first })
        headers["host"] = request.head.authority
        self.headers = headers
        body = Array(try await request.body.collect(upTo: Asked.longest).readableBytesView)
        form = headers["content-type"]?.hasPrefix("application/x-www-form-urlencoded") == true ? Asked.fields(body) : [:]
    }

    private static func fields(_ body: [UInt8]) -> [String: String] {
        var fields: [String: String] = [:]
        for part in String(decoding: body, as: UTF8.self).split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                $0.replacing("+", with: " ").removingPercentEncoding ?? ""
            }
            fields[halves[0]] = halves.count > 1 ? halves[1] : ""
        }
        return fields
    }

    /// What stands behind `Basic`.
    var basic: (user: String, password: String)? {
        guard let text = headers["authorization"], text.hasPrefix("Basic "),
            let data = Data(base64Encoded: String(text.dropFirst(6)))
        else { return nil }
        let parts = String(decoding: data, as: UTF8.self).split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    var bearer: String? {
        headers["authorization"].flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
    }

    var key: String? { headers["idempotency-key"].flatMap { $0.isEmpty ? nil : String($0.prefix(255)) } }

    var json: JSON? { document(body) }
}

/// What it is answered.
struct Reply: Sendable {
    var status: Int
    var headers: [(String, String)] = []
    var body: [UInt8]
    var type = "application/json"

    init(_ status: Int, _ body: (inout JSONWriter) -> Void) {
        self.status = status
        var writer = JSONWriter()
        writer.object(body)
        self.body = writer.bytes
    }

    init(_ status: Int, json: String) {
        self.status = status
        body = Array(json.utf8)
    }

    init(html: String) {
        status = 200
        body = Array(html.utf8)
        type = "text/html; charset=utf-8"
    }

    static func seeOther(_ place: String) -> Reply {
        var reply = Reply(303, json: "")
        reply.headers = [("Location", place)]
        return reply
    }

    var text: String { String(decoding: body, as: UTF8.self) }

    var response: Response {
        var fields = HTTPFields()
        fields[.contentType] = type
        fields[.cacheControl] = "no-store"
        fields[.init("MediConnect-Simulator")!] = "1"
        fields[.init("X-Content-Type-Options")!] = "nosniff"
        fields[.init("Content-Security-Policy")!] =
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
        return Response(status: .init(code: status), headers: fields, body: .init(byteBuffer: ByteBuffer(bytes: body)))
    }
}

/// What was sent, if it is JSON.
@inline(never)
func document(_ bytes: [UInt8]) -> JSON? {
    do { return try JSON(parsing: bytes) } catch { return nil }
}
