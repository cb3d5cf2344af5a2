import API
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Synchronization
import Tenancy

/// Two clinics that are open on one node: a database, a secret and accounts of its own each, and one door, which shows every request to
/// its clinic by the directory. The same people work and are treated in both, under the same identifiers and passwords: only the clinic
/// differs.
struct TwoClinics: Sendable {
    /// How a request says which clinic it is for.
    enum Way: CaseIterable, Sendable { case host, header, both }

    static let names = ["riverside", "northside"]

    let first: House
    let second: House
    private let client: any TestClientProtocol

    /// What a request to a clinic says about which it is for.
    static func headers(to clinic: String, by way: Way) -> [String: String] {
        let host = ["X-Test-Host": "\(clinic).example.org"]
        return switch way {
        case .host: host
        case .header: ["X-Tenant": clinic]
        case .both: host.merging(["X-Tenant": clinic]) { $1 }
        }
    }

    func visitor(_ house: House, by way: Way = .both) -> Visitor {
        let name = house === first ? Self.names[0] : Self.names[1]
        return Visitor(house: house, client: client, always: Self.headers(to: name, by: way))
    }

    /// - Parameter secrets: what signs each clinic's tokens.
    static func open(
        _ shelter: Shelter, secrets: (UInt8, UInt8) = (7, 8), _ body: @escaping @Sendable (TwoClinics) async throws -> Void
    ) async throws {
        let lobby = try Lobby(names)
        let first = try await House(secret: secrets.0, shelter: shelter, tenant: names[0], reception: lobby)
        do {
            let second = try await House(secret: secrets.1, shelter: shelter, tenant: names[1], reception: lobby)
            lobby.open([names[0]: first.premises, names[1]: second.premises])
            let responder = Addressed(inner: first.serving.router().buildResponder())
            let application = Application(responder: responder, logger: Journal.silent)
            do {
                try await application.test(.router) { try await body(TwoClinics(first: first, second: second, client: $0)) }
            } catch {
                await second.close()
                throw error
            }
            await second.close()
        } catch {
            await first.close()
            throw error
        }
        await first.close()
    }
}

/// Shows requests to their clinic, by the directory the program has.
private final class Lobby: Reception {
    private let directory: TenantDirectory
    private let premises = Mutex<[String: Premises]>([:])

    init(_ names: [String]) throws {
        directory = try TenantDirectory(
            names.map { Tenant(name: $0, hosts: ["\($0).example.org"], home: Home(database: "postgres://\($0)"), secretFile: $0) }
        )
    }

    func open(_ premises: [String: Premises]) { self.premises.withLock { $0 = premises } }

    func receive<Answer: Sendable>(_ address: ClinicAddress, _ body: (Premises) async throws -> Answer) async throws -> Answer {
        let tenant = directory.tenant(host: address.host, header: address.tenant)
        guard let found = tenant.flatMap({ tenant in premises.withLock { $0[tenant.name] } }) else {
            throw Problem(.noSuchClinic)
        }
        return try await body(found)
    }
}

/// Sends a request to the host a test names: the client of the tests knows one host only.
private struct Addressed<Inner: HTTPResponder>: HTTPResponder where Inner.Context == ServingContext {
    let inner: Inner

    func respond(to request: Request, context: ServingContext) async throws -> Response {
        var head = request.head
        guard let host = head.headerFields[.testHost] else { return try await inner.respond(to: request, context: context) }
        (head.authority, head.headerFields[.testHost]) = (host, nil)
        return try await inner.respond(to: Request(head: head, body: request.body), context: context)
    }
}

extension HTTPField.Name {
    fileprivate static var testHost: HTTPField.Name { HTTPField.Name("X-Test-Host")! }
}
