import Foundation
import HTTPTypes
import NIOCore
import Notation

/// What a caller asks, before it is HTTP.
struct Ask: Sendable {
    var method: String
    var path: String
    var body: String?
    var ifMatch: String?
    var type = "application/json"
    /// What else is sent with it, such as a partner's signature.
    var headers: [String: String] = [:]

    /// As a page's form is sent.
    static func form(_ path: String, _ fields: KeyValuePairs<String, String>) -> Ask {
        let signs = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        let body = fields.map { "\($0.key)=\($0.value.addingPercentEncoding(withAllowedCharacters: signs)!)" }
        return Ask(
            method: "POST", path: path, body: body.joined(separator: "&"), type: "application/x-www-form-urlencoded")
    }

    static func get(_ path: String) -> Ask { Ask(method: "GET", path: path) }
    static func post(_ path: String, _ body: String? = nil, ifMatch: String? = nil) -> Ask {
        Ask(method: "POST", path: path, body: body, ifMatch: ifMatch)
    }
    static func put(_ path: String, _ body: String, ifMatch: String?) -> Ask {
        Ask(method: "PUT", path: path, body: body, ifMatch: ifMatch)
    }
    static func delete(_ path: String) -> Ask { Ask(method: "DELETE", path: path) }

    var changesSomething: Bool { method != "GET" }
}

/// What a caller hears.
struct Heard: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: [UInt8]

    subscript(header name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON { (try? JSON(parsing: body)) ?? JSON(.null) }
    subscript(member: String) -> JSON? { json[member] }

    /// The last part of a problem's address: `time-unavailable`.
    var problem: String? { json["type"]?.string?.split(separator: "/").last.map(String.init) }
    /// The fields a problem names.
    var pointers: [String] { (json["errors"]?.array ?? []).compactMap { $0["pointer"]?.string } }
    var items: [JSON] { json["items"]?.array ?? [] }
    var id: String { json["id"]?.string ?? "" }
    var etag: String? { self[header: "ETag"] }
    var next: String? { json["next"]?.string }
    var isRepeat: Bool { self[header: "Idempotent-Replayed"] == "true" }
}

extension JSON {
    /// The same object with one member replaced, or without it.
    func with(_ name: String, _ value: JSON?) -> JSON {
        let rest = (members ?? []).filter { $0.name != name }
        return JSON(.object(rest + (value.map { [JSON.Member(name: name, value: $0)] } ?? [])))
    }
}
