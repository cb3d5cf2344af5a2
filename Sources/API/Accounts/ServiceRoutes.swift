import Identity
import Notation
import People
import Scheduling
import Workflows

/// Other systems, as an admin looks after them.
struct ServiceRoutes {
    var routes: [Route] { [rotate, revoke, create, list] }

    private var create: Route {
        .forPremises(
            .post, "/v1/services", "createService",
            "Let another system in, with a secret that is shown once or with keys of its own", takes: "ServiceRequest",
            gives: "ServiceGrant", status: 201, problems: [.identifierAlreadyUsed], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let id = fields.optionalID("id", Caller.self)
            let name = fields.text("name", max: 128)
            let scopes = fields.scopes("scopes")
            let keys = fields.serviceKeys("jwks")
            try fields.check()
            let (accounts, caller, request) = (premises.accounts, exchange.caller, exchange.call.origin)
            let (service, secret): (ServiceRecord, ServiceSecret?)
            if keys.isEmpty {
                (service, secret) = try await accounts.createService(
                    id: id, name: name, scopes: scopes, by: caller, request: request)
            } else {
                service = try await accounts.createService(
                    id: id, name: name, scopes: scopes, keys: keys, by: caller, request: request)
                secret = nil
            }
            return Answer.json(status: 201) { json in
                json.object { json in
                    service.write(to: &json)
                    json.member("secret", secret?.text)
                }
            }
        }
    }

    private var list: Route {
        .forPremises(.get, "/v1/services", "listServices", "Which systems are let in", gives: "ServiceList") {
            exchange, premises in
            try exchange.queryFields().check()
            let services = try await premises.accounts.services(limit: 1_000, for: exchange.caller)
            return Answer.json { json in
                json.object { json in
                    json.name("items")
                    json.array(of: services) { json, service in json.object { service.write(to: &$0) } }
                }
            }
        }
    }

    private var rotate: Route {
        .forPremises(
            .post, "/v1/services/{id}/secret-rotation", "rotateServiceSecret",
            "Give a service another secret; the old one ends later",
            takes: "RotationRequest", gives: "ServiceSecret", problems: [.notFound], isSecret: true
        ) { exchange, premises in
            let fields = exchange.fields()
            let minutes = fields.optionalInteger("overlapMinutes", in: Self.overlapMinutes) ?? 24 * 60
            try fields.check()
            let id = try exchange.id("id", Caller.self)
            let (secret, oldUntil) = try await premises.accounts.rotateSecret(
                of: id, overlap: .minutes(minutes), by: exchange.caller, request: exchange.call.origin)
            return Answer.json { json in
                json.object { json in
                    json.member("id", id)
                    json.member("secret", secret.text)
                    json.member("oldSecretUntil", oldUntil)
                }
            }
        }
    }

    private var revoke: Route {
        .forPremises(
            .post, "/v1/services/{id}/revocation", "revokeService", "Shut a service out, its access tokens included",
            takes: "Nothing",
            gives: "Ended", problems: [.notFound]
        ) { exchange, premises in
            try exchange.fields().check()
            let id = try exchange.id("id", Caller.self)
            return Answer(
                try await premises.accounts.revokeService(
                    id, call: exchange.call, wording: exchange.wording { StoredAnswer(status: 200, body: Answer.ended(id.of())) })
            )
        }
    }

    /// A week at most: a secret that is to end should.
    static let overlapMinutes = 0...7 * 24 * 60
}

extension Fields {
    fileprivate func scopes(_ name: String) -> Set<Scope> {
        let texts = texts(name, max: 64, count: 1...64, like: "a scope, such as system/Appointment.rs") { Scope($0) != nil }
        return Set(texts.compactMap { Scope($0) })
    }
}

extension ServiceRecord {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("name", name.revealed)
        json.member("scopes", scopes.map(\.description).sorted())
        json.member("createdAt", createdAt)
        json.member("lastUsedAt", lastUsedAt)
        json.member("revokedAt", revokedAt)
    }
}
