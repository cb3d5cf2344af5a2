import HTTPTypes
import Identity
import Notation
import Workflows

/// Where a request comes from, as the browser says that sent it. Cookies come along whoever wrote the page, so a request that is made with
/// them has to say more (ASVS 3.5).
struct Origin: Sendable {
    /// The browser says that another site's page has made it.
    let isElsewhere: Bool
    /// The browser says, by the header that no page can write, that another site's page has made it. A form says `Origin: null` where its
    /// page has told the browser to name nobody as its referrer, so pages go by this one.
    private let isOfAnotherSite: Bool
    /// The browser says that a page of this very origin has made it.
    let isHere: Bool
    /// What the page's script says it has read from its own cookie.
    let csrfToken: String?
    let cookies: Cookies
    /// Whether it is signed in with cookies: a request with `Authorization` is not, whatever cookies it has.
    let usesCookies: Bool

    init(_ request: HTTPRequest, base: String) {
        let site = request.headerFields[.secFetchSite]
        let origin = request.headerFields[.origin].map { Self.isSafe($0) && Self.isOwn($0, request, base) }
        isOfAnotherSite = !["same-origin", "none", nil].contains(site)
        // `none` is an address that somebody has typed, which changes nothing.
        isElsewhere = !["same-origin", "none", nil].contains(site) || origin == false
        isHere = !isElsewhere && (site == "same-origin" || origin == true)
        csrfToken = request.headerFields[.csrfToken]
        cookies = Cookies(request.headerFields[.cookie])
        usesCookies = request.headerFields[.authorization] == nil && cookies[.access] != nil
    }

    /// Throws unless a page of this origin has made the request, and holds the session's token besides.
    func requireOwnPage(of session: ID<Session>, _ accounts: Accounts) throws(Problem) {
        guard isHere, let csrfToken, accounts.isCSRFToken(csrfToken, of: session) else { throw Problem(.crossSite) }
    }

    /// Throws when another site's page has made it. What is no browser says nothing of pages, and has no session here that could be misused.
    func requireNotElsewhere() throws(Problem) { if isElsewhere { throw Problem(.crossSite) } }

    /// The same for the form of a page of ours.
    func requireNotAnotherSite() throws(Problem) { if isOfAnotherSite { throw Problem(.crossSite) } }

    private static func isOwn(_ origin: String, _ request: HTTPRequest, _ base: String) -> Bool {
        guard let host = host(origin) else { return false }
        return host == Self.host(base) || host == request.authority.flatMap { Self.host("https://\($0)") }
    }

    /// Host and port of an address, without the port that goes without saying.
    private static func host(_ address: String) -> String? {
        guard let start = address.firstRange(of: "://")?.upperBound else { return nil }
        let host = address[start...].prefix { $0 != "/" }.lowercased()
        let port = address.hasPrefix("http://") ? ":80" : ":443"
        return host.hasSuffix(port) ? String(host.dropLast(port.count)) : host
    }

    /// A page that came in the clear may be anybody's, except from this machine.
    private static func isSafe(_ origin: String) -> Bool {
        origin.hasPrefix("https://")
            || ["127.0.0.1", "localhost", "[::1]"].contains { origin == "http://\($0)" || origin.hasPrefix("http://\($0):") }
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name("Sec-Fetch-Site")!
    static let csrfToken = HTTPField.Name("X-CSRF-Token")!
}
