public import Notation

/// How a provider is reached. Whoever implements it bounds the time and the length of what it takes in, and follows no redirect.
public protocol ProviderLine: Sendable {
    /// Throws when no whole answer came.
    func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer
}

public struct ProviderQuestion: Sendable {
    public let address: String
    public let headers: [(name: String, value: String)]
    /// Nil only reads.
    public let form: [UInt8]?

    public init(address: String, headers: [(name: String, value: String)], form: [UInt8]?) {
        self.address = address
        self.headers = headers
        self.form = form
    }
}

public struct ProviderAnswer: Sendable {
    public let status: Int
    public let body: [UInt8]

    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Signs people in with one provider: sends them there, and believes what they bring back when everything about it fits.
public actor SignOn {
    public nonisolated let provider: Provider
    private let line: any ProviderLine
    private let clock: any WallClock

    private var discovery: (document: Discovery, at: Instant)?
    private var keys: (set: ProviderKeys, at: Instant)?

    /// How long what the provider says of itself is believed.
    private static let memory = Span.hours(1)
    /// How long nobody asks for the keys again, however many tokens name one that nobody knows.
    private static let pause = Span.seconds(30)

    public init(_ provider: Provider, line: any ProviderLine, clock: any WallClock) {
        self.provider = provider
        self.line = line
        self.clock = clock
    }

    /// Where the browser goes with an errand. Throws `SignOnFault.provider`.
    public func address(for errand: SignOnErrand) async throws -> String {
        let endpoint = try await document().authorizationEndpoint
        let query = Form.text([
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", provider.callback),
            ("scope", "openid email"), ("state", errand.state), ("nonce", errand.nonce), ("code_challenge", errand.challenge),
            ("code_challenge_method", "S256"),
        ])
        return endpoint + (endpoint.contains("?") ? "&" : "?") + query
    }

    /// Redeems the code the browser came back with. Throws `SignOnFault`.
    ///
    /// - Parameter namedIssuer: `iss` of the answer, against a provider that answers in another's place (RFC 9207).
    public func identify(code: String, for errand: SignOnErrand, namedIssuer: String?) async throws -> Identified {
        let document = try await document()
        guard namedIssuer.map({ $0 == provider.issuer }) ?? !document.namesItself else {
            throw SignOnFault.refused("another provider has answered")
        }
        let answer = try await tokens(code, errand, document)
        guard let token = answer["id_token"]?.string.flatMap({ IDToken($0) }) else {
            throw SignOnFault.refused("there is no ID token that could be believed")
        }
        guard let claims = try await claims(of: token, document) else {
            throw SignOnFault.refused("the provider has not signed the ID token")
        }
        return try Identified(
            claims, provider: provider, nonce: errand.nonce, algorithm: token.algorithm,
            accessToken: answer["access_token"]?.string, at: clock.now)
    }

    private func tokens(_ code: String, _ errand: SignOnErrand, _ document: Discovery) async throws -> JSON {
        var form = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", provider.callback),
            ("code_verifier", errand.verifier),
        ]
        var headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        if let secret = provider.clientSecret?.revealed, document.takesBasic {
            let pair = "\(Form.escaped(provider.clientID)):\(Form.escaped(secret))"
            headers.append(("Authorization", "Basic \(Form.base64(pair))"))
        } else {
            form.append(("client_id", provider.clientID))
            if let secret = provider.clientSecret?.revealed { form.append(("client_secret", secret)) }
        }
        let answer = try await ask(
            ProviderQuestion(address: document.tokenEndpoint, headers: headers, form: Array(Form.text(form).utf8)))
        // A code that was used, or was somebody else's, is the browser's mistake and not the provider's.
        if answer.status == 400 { throw SignOnFault.refused("the provider does not take the code") }
        return try json(answer)
    }

    private func document() async throws -> Discovery {
        let now = clock.now
        if let discovery, now < discovery.at + Self.memory { return discovery.document }
        let issuer = provider.issuer.hasSuffix("/") ? String(provider.issuer.dropLast()) : provider.issuer
        let answer = try await ask(reading("\(issuer)/.well-known/openid-configuration"))
        let document = try Discovery(try json(answer), issuer: provider.issuer)
        discovery = (document, now)
        return document
    }

    /// What a token says that a key of the provider has signed; nil when none has. When none of the known ones has, the provider may have
    /// rotated them: they are read again, unless they just were.
    private func claims(of token: IDToken, _ document: Discovery) async throws -> JSON? {
        if let claims = try await keys(document, notOlderThan: Self.memory).claims(of: token) { return claims }
        return try await keys(document, notOlderThan: Self.pause).claims(of: token)
    }

    private func keys(_ document: Discovery, notOlderThan age: Span) async throws -> ProviderKeys {
        let now = clock.now
        if let keys, now < keys.at + age { return keys.set }
        let answer = try await ask(reading(document.keysAddress))
        let set = try ProviderKeys(try json(answer))
        keys = (set, now)
        return set
    }

    private func reading(_ address: String) -> ProviderQuestion {
        ProviderQuestion(address: address, headers: [("Accept", "application/json")], form: nil)
    }

    private func ask(_ question: ProviderQuestion) async throws -> ProviderAnswer {
        do { return try await line.ask(question) } catch is CancellationError { throw CancellationError() } catch {
            throw SignOnFault.provider("it cannot be reached")
        }
    }

    private func json(_ answer: ProviderAnswer) throws -> JSON {
        guard answer.status == 200, let json = try? JSON(parsing: answer.body), json.members != nil else {
            throw SignOnFault.provider("it answered \(answer.status), or nothing that could be read")
        }
        return json
    }
}
