import JWTKit
public import Notation
public import Partners

/// A service account of Google's, as its JSON file has it.
public struct ServiceAccount: Sendable {
    public let project: String
    public let email: String
    public let keyID: String
    /// PKCS #8, PEM.
    public let key: Personal<String>
    /// Where tokens are given.
    public let tokens: String

    /// Nil when it is no such file, or its key is none.
    public init?(parsing file: [UInt8]) {
        guard let json = document(file), json["type"]?.string == "service_account", let project = json["project_id"]?.string,
            let email = json["client_email"]?.string, let keyID = json["private_key_id"]?.string,
            let key = json["private_key"]?.string, let tokens = json["token_uri"]?.string
        else { return nil }
        do { _ = try Insecure.RSA.PrivateKey(pem: key) } catch { return nil }
        (self.project, self.email, self.keyID, self.tokens) = (project, email, keyID, tokens)
        self.key = Personal(key)
    }

    private struct Claims: JWTPayload {
        let iss: String
        let scope: String
        let aud: String
        let iat: Int64
        let exp: Int64

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    /// What we ask for a token with: who we are and for what, good for an hour (RFC 7523 §2.1).
    func assertion(_ scope: String, now: Instant) async throws -> String {
        let keys = JWTKeyCollection()
        let id = JWKIdentifier(string: keyID)
        await keys.add(rsa: try Insecure.RSA.PrivateKey(pem: key.revealed), digestAlgorithm: .sha256, kid: id)
        let at = now.secondsSince1970
        return try await keys.sign(Claims(iss: email, scope: scope, aud: tokens, iat: at, exp: at + 3600), kid: id)
    }

    package func asking(_ scope: String, now: Instant) async throws -> OutboundCall {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", try await assertion(scope, now: now)),
        ]
        return OutboundCall(.post, tokens, headers: [OutboundCall.formType], body: Form.body(fields))
    }
}

public struct PushSettings: Sendable {
    public var account: ServiceAccount
    public var base = "https://fcm.googleapis.com"

    public init(account: ServiceAccount) { self.account = account }
}

/// Notices as Firebase Cloud Messaging's HTTP API of version 1 has them.
public struct FCMFormat: Sendable {
    public let settings: PushSettings

    public init(_ settings: PushSettings) { self.settings = settings }

    package static let scope = "https://www.googleapis.com/auth/firebase.messaging"

    /// FCM knows no repeats. The key is the tag a device shows a notice under, so a second one takes the first one's place.
    public func sending(_ notice: PushNotice, key: EffectKey, now: Instant) -> OutboundCall {
        let tag = String(key.text.prefix(64))
        let seconds = notice.expires.map { max(0, min(($0 - now).microseconds / 1_000_000, 2_419_200)) } ?? 86_400
        var json = JSONWriter()
        json.object { json in
            json.name("message")
            json.object { json in
                json.member("token", notice.device.revealed)
                json.name("notification")
                json.object { json in
                    json.member("title", notice.title)
                    json.member("body", notice.words)
                }
                if let link = notice.link {
                    json.name("data")
                    json.object { $0.member("link", link) }
                }
                Self.android(tag, seconds, about: notice.about, into: &json)
                Self.others(tag, seconds, until: now.secondsSince1970 + seconds, link: notice.link, into: &json)
            }
        }
        let project = Form.encoded(settings.account.project)
        return OutboundCall(
            .post, "\(settings.base)/v1/projects/\(project)/messages:send",
            headers: [OutboundCall.jsonType, ("Idempotency-Key", key.text)], body: json.bytes)
    }

    private static func android(_ tag: String, _ seconds: Int64, about: String?, into json: inout JSONWriter) {
        json.name("android")
        json.object { json in
            json.member("ttl", "\(seconds)s")
            json.member("collapse_key", about)
            json.name("notification")
            json.object { $0.member("tag", tag) }
        }
    }

    private static func others(_ tag: String, _ seconds: Int64, until: Int64, link: String?, into json: inout JSONWriter) {
        json.name("apns")
        json.object { json in
            json.name("headers")
            json.object { json in
                json.member("apns-collapse-id", tag)
                json.member("apns-expiration", "\(until)")
            }
        }
        json.name("webpush")
        json.object { json in
            json.name("headers")
            json.object { $0.member("TTL", "\(seconds)") }
            json.name("notification")
            json.object { $0.member("tag", tag) }
            // A browser is led to encrypted pages only.
            if let link, link.hasPrefix("https://") {
                json.name("fcm_options")
                json.object { $0.member("link", link) }
            }
        }
    }

    public func read(_ answer: OutboundAnswer, now: Instant) -> Reading<PushAnswer> {
        let code = Self.code(document(answer.body))
        if answer.status == 404, code == "UNREGISTERED" || code == "NOT_FOUND" { return .value(.gone) }
        if let reading = Reading<PushAnswer>.standard(answer, isRepeatable: true, code: code, now: now) { return reading }
        return document(answer.body)?["name"]?.string == nil ? .garbled(isRepeatable: true) : .value(.taken)
    }

    /// The service's own word stands in the details; the status is Google's for all.
    private static func code(_ json: JSON?) -> String? {
        guard let json, let error = json["error"] else { return nil }
        for detail in error["details"]?.array ?? [] {
            if let code = plainCode(detail["errorCode"]?.string) { return code }
        }
        return plainCode(error["status"]?.string)
    }
}

/// Sends notices through Firebase Cloud Messaging.
public struct PushConnector: PushCarrier {
    public let way: WayOut
    private let format: FCMFormat
    private let keeper: TokenKeeper

    public init(_ settings: PushSettings, way: WayOut, tokens: WayOut, clock: any WallClock) {
        self.way = way
        format = FCMFormat(settings)
        let account = settings.account
        keeper = TokenKeeper(way: tokens, clock: clock) { now in try await account.asking(FCMFormat.scope, now: now) }
    }

    public var restsUntil: Instant? { way.restsUntil }

    public func send(_ notice: PushNotice, key: EffectKey) async -> Ending<PushAnswer> {
        let (format, now) = (format, way.now)
        if let expires = notice.expires, expires <= now { return .never(reason: "it is too late for this notice") }
        let call = format.sending(notice, key: key, now: now)
        return await keeper.ask(call, by: way, isRepeatable: true) { format.read($0, now: now) }
    }
}
