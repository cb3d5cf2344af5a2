import Admission
import Configuration
import Foundation
import Notation

/// What a node allows its clients, and whom it believes who they are.
struct LimitSettings: Sendable {
    var rates: RateLimits
    var proxies: TrustedProxies
    /// Nil lets in as many as come.
    var waitingRoom: WaitingRoom?
    let goalMilliseconds: Int
    var connections: ConnectionCounts
    var patience = Attention.Settings()
    /// As it was written.
    let proxyText: String
}

extension LimitSettings {
    /// - Parameters:
    ///   - whole: reads a whole number by its key, its name, what holds when nobody sets it, and what it may be.
    ///   - reject: notes what is wrong.
    init(
        _ config: ConfigReader, whole: (ConfigKey, String, Int, ClosedRange<Int>) -> Int, reject: (String) -> Void
    ) {
        // http.trustedproxies: addresses and ranges with commas between (10.0.0.0/8,::1); default none. Only these are believed when
        // they say on whose behalf they come.
        proxyText = config.string(forKey: "http.trustedproxies", default: "")
        let texts = proxyText.split(separator: ",").map { $0.filter { $0 != " " } }
        let ranges = texts.map { NetworkRange($0) }
        for (text, range) in zip(texts, ranges) where range == nil {
            reject("http.trustedproxies: \(text) is no address and no range such as 10.0.0.0/8 or 2001:db8::/32")
        }
        // http.forwardedheader: x-forwarded-for or forwarded (RFC 7239), whichever the proxies write; default x-forwarded-for.
        let header = config.string(forKey: "http.forwardedheader", default: TrustedProxies.Header.xForwardedFor.rawValue)
        if TrustedProxies.Header(rawValue: header) == nil {
            reject("http.forwardedheader: must be \(TrustedProxies.Header.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        proxies = TrustedProxies(ranges.compactMap { $0 }, header: TrustedProxies.Header(rawValue: header) ?? .xForwardedFor)

        // http.connections: connections in all; default 10000. Beyond nine tenths of them nothing is let in that can wait a minute.
        let all = whole("http.connections", "http.connections", 10_000, 10...1_000_000)
        // http.connectionsperaddress: from one address that is no trusted proxy; default 2000.
        let each = whole("http.connectionsperaddress", "http.connectionsperaddress", 2_000, 1...1_000_000)
        connections = ConnectionCounts(maximum: all, maximumPerAddress: each)

        // http.headseconds: how long the head of a request may take from its first byte; default 10. A body has twice that.
        let head = whole("http.headseconds", "http.headseconds", 10, 1...600)
        (patience.head, patience.body) = (.seconds(head), .seconds(head * 2))

        // limits.rates: on or off; default on. Off lets everybody ask as often as they like: for tests and measurements.
        let areOn = config.string(forKey: "limits.rates", default: "on")
        if !["on", "off"].contains(areOn) { reject("limits.rates: must be on or off") }
        rates = .none
        for policy in RatePolicy.allCases {
            // limits.system: requests a second of everybody together; default 1000. limits.tenant: of one clinic together, where
            // there are several; default 500. limits.address: a minute from one address; default 3000. limits.signin: requests without
            // a token a minute from one address; default 20. limits.user: a minute of one person; default 100. limits.holds:
            // times held by patients from one address and not taken, an hour; default 60. 0 is no limit. Read again on SIGHUP, like
            // limits.rates.
            let usual = RateLimits.usual[policy]!
            let name = "limits.\(policy.settingName)"
            let count = whole(ConfigKey(name), name, usual.count, 0...1_000_000)
            if areOn != "off", count > 0 { rates[policy] = Allowance(min(count, 1_000_000), per: usual.span) }
        }

        // limits.overload: on or off; default on. Off lets in as many requests at once as come, however long each takes then.
        let isSparing = config.string(forKey: "limits.overload", default: "on")
        if !["on", "off"].contains(isSparing) { reject("limits.overload: must be on or off") }
        // limits.latency: milliseconds that a booking or a search may take on average before fewer are let in at once; default 100.
        goalMilliseconds = whole("limits.latency", "limits.latency", 100, 10...10_000)
        var room = WaitingRoom.Settings()
        room.limit.goal = .milliseconds(goalMilliseconds)
        waitingRoom = isSparing == "off" ? nil : WaitingRoom(room)
    }

    /// For `check`.
    var listing: [(name: String, value: String)] {
        var listing = [
            ("http.trustedproxies", proxyText.isEmpty ? "none" : proxyText), ("http.forwardedheader", proxies.header.rawValue),
            ("http.connections", String(connections.maximum)),
            ("http.connectionsperaddress", String(connections.maximumPerAddress)),
            ("http.headseconds", String(Int(patience.head.seconds))),
        ]
        for policy in RatePolicy.allCases {
            listing.append(("limits.\(policy.settingName)", rates[policy].map { "\($0)" } ?? "none"))
        }
        listing.append(("limits.overload", waitingRoom == nil ? "off" : "on"))
        listing.append(("limits.latency", String(goalMilliseconds)))
        return listing
    }
}

extension RatePolicy {
    /// Names of settings are one word: they are environment variables too.
    fileprivate var settingName: String { self == .signIn ? "signin" : rawValue }
}
