import Notation
import People
import Testing
import Workflows

extension Sample {
    /// Other systems: what an admin does about them, and what they do themselves.
    static let services: [String: Sample] = [
        "issueToken": Sample("yyyyyyyy") { visitor in
            let service = try await visitor.service("system/*.cruds")
            return .post(
                "/v1/token",
                #"{"grant_type":"client_credentials","client_id":"\#(service.id)","client_secret":"\#(service.secret)"}"#)
        },
        "createService": Sample("nnnnnynn") { _ in
            .post("/v1/services", #"{"name":"Laboratory","scopes":["system/Appointment.rs"]}"#)
        },
        "listServices": Sample("nnnnnynn") { _ in .get("/v1/services") },
        "rotateServiceSecret": Sample("nnnnnynn") { visitor in
            .post("/v1/services/\(try await visitor.service("system/Slot.s").id)/secret-rotation", #"{"overlapMinutes":60}"#)
        },
        "revokeService": Sample("nnnnnynn") { visitor in
            .post("/v1/services/\(try await visitor.service("system/Slot.s").id)/revocation", "{}")
        },
    ]
}

/// Another system that was let in.
struct KnownService {
    let id: String
    let secret: String

    func form(_ more: String = "") -> String { "grant_type=client_credentials&client_id=\(id)&client_secret=\(secret)\(more)" }
}

extension Visitor {
    /// Lets a system in that may do what these scopes name.
    func service(_ scopes: String...) async throws -> KnownService {
        let list = scopes.map { "\"\($0)\"" }.joined(separator: ",")
        let made = try await send(.post("/v1/services", #"{"name":"Laboratory","scopes":[\#(list)]}"#), by: .admin)
        return KnownService(id: made.id, secret: made["secret"]?.string ?? "")
    }

    /// Asks for a token with a form, as OAuth clients do.
    func askForToken(_ form: String, headers: [String: String] = [:]) async throws -> Heard {
        let type = ["Content-Type": "application/x-www-form-urlencoded"]
        return try await send(.post("/v1/token", form), by: nil, withKey: false, headers: type.merging(headers) { $1 })
    }

    /// What a service sends with each request.
    func bearer(of service: KnownService, scope: String? = nil) async throws -> [String: String] {
        let heard = try await askForToken(service.form(scope.map { "&scope=\($0.replacing(" ", with: "+"))" } ?? ""))
        return ["Authorization": "Bearer \(heard["access_token"]?.string ?? "")"]
    }
}
