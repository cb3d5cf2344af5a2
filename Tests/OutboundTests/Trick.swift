import Outbound

/// A URL that somebody could send us so that we call what they cannot, and why it is refused.
struct Trick: Sendable, CustomStringConvertible {
    let url: String
    let refusal: OutboundRefusal
    /// What the host's name stands for, where that is the trick.
    let addresses: [IPAddress]

    init(_ url: String, _ refusal: OutboundRefusal, standingFor addresses: [String] = ["93.184.215.14"]) {
        self.url = url
        self.refusal = refusal
        self.addresses = addresses.map { IPAddress($0)! }
    }

    var description: String { url.unicodeScalars.map { $0.escaped(asASCII: true) }.joined() }

    static let all =
        lengths + spellings + schemes + users + hosts + localNames + ports + literals + embedded + resolved

    // MARK: As text

    private static let lengths = [
        Trick("", .length), Trick("https://clinic.example.org/" + String(repeating: "a", count: 2022), .length),
    ]

    private static let spellings =
        [
            // Readers cut at these, skip them, or take them for something else.
            " https://hooks.example.org/", "https://hooks.example.org/ ", "https://hooks.example.org/a b",
            "https:// hooks.example.org/",
            "\thttps://hooks.example.org/", "https://hooks.example.org\t/", "https://ho\nks.example.org/",
            "https://hooks.example.org\r\n/",
            "https://hooks.example.org/\u{0}", "https://hooks.example.org\u{0}.evil.example.com/",
            "https://hooks.example.org/\u{7F}",
            "https:\\\\hooks.example.org\\", "https://hooks.example.org\\@127.0.0.1/", "https:/\\127.0.0.1/",
            "https://127.0.0.1\\.example.org/",
            "https://hooks.example.org/a|b", "https://hooks.example.org/{id}", "https://hooks.example.org/\"x\"",
            "https://hooks.example.org/<a>",
            "https://hooks.example.org/^", "https://hooks.example.org/`id`", "https://hooks.example.org/a[0]",
            "https://hooks.example.org/?a[]=1", "https://hooks.example.org/]",
            // Percent signs that are none.
            "https://hooks.example.org/%", "https://hooks.example.org/%4", "https://hooks.example.org/%zz",
            "https://hooks.example.org/%%30",
            // Digits of other scripts, and dots that IDNA turns into dots.
            "https://１２７.０.０.１/", "https://①②⑦.⓪.⓪.①/", "https://𝟏𝟐𝟕.𝟎.𝟎.𝟏/", "https://١٢٧.٠.٠.١/", "https://127。0。0。1/",
            "https://127．0．0．1/", "https://127｡0｡0｡1/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "https://localhoſt/", "https://ⓔⓧⓐⓜⓟⓛⓔ.org/",
            // Letters that fold into others, or cannot be seen.
            "https://exam\u{00AD}ple.org/", "https://exam\u{200B}ple.org/", "https://exam\u{200D}ple.org/",
            "https://\u{FEFF}example.org/",
            "https://\u{202E}gro.elpmaxe/", "https://еxample.org/", "https://exampleß.org/", "https://\u{212A}.example.org/",
            "https://hooks.example.org/ä", "https://hooks.example.org/\u{2028}", "https://example.org／@127.0.0.1/",
            "https://example.org＃@127.0.0.1/", "https://example.org？.evil.example.com/", "https://example.com＠127.0.0.1/",
            "ｈttps://hooks.example.org/", "https：//hooks.example.org/",
        ].map { Trick($0, .characters) }

    private static let schemes =
        [
            "http://hooks.example.org/", "HTTP://hooks.example.org/", "http://127.0.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "ftp://hooks.example.org/", "file:///etc/passwd", "file://localhost/etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL",
            "dict://127.0.0.1:11211/stats", "ldap://127.0.0.1/", "tftp://127.0.0.1/a", "sftp://127.0.0.1/",
            "jar:https://a.example.org!/",
            "netdoc:///etc/passwd", "data:text/plain,hello", "javascript:alert(1)", "mailto:a@example.org",
            "ws://hooks.example.org/",
            "wss://hooks.example.org/", "unix:/run/docker.sock", "http+unix://%2Frun%2Fdocker.sock/info",
            "https+unix://%2Frun%2Fdocker.sock/", "view-source:https://a.example.org/", "blob:https://a.example.org/1",
            "urn:uuid:1", "//hooks.example.org/", "/etc/passwd", "hooks.example.org", "hooks.example.org:443/",
            "https:hooks.example.org",
            "https:/hooks.example.org", "https:127.0.0.1", "https;//hooks.example.org", "hxxps://hooks.example.org/",
            "https.://hooks.example.org/", "xhttps://hooks.example.org/", "https", "https:", "https:/", "://hooks.example.org/",
        ].map { Trick($0, .scheme) }

    private static let users =
        [
            "https://user@hooks.example.org/", "https://user:password@hooks.example.org/", "https://@hooks.example.org/",
            "https://:@hooks.example.org/", "https://hooks.example.org@127.0.0.1/", "https://hooks.example.org:443@127.0.0.1/",
            "https://127.0.0.1@hooks.example.org/", "https://hooks.example.org%40127.0.0.1@10.0.0.1/", "https://a@b@127.0.0.1/",
            "https://hooks.example.org%2F@127.0.0.1/", "https://hooks.example.org&@127.0.0.1/",
            "https://[::1]@hooks.example.org/",
            "https://hooks.example.org;@127.0.0.1/",
        ].map { Trick($0, .userInfo) }

    private static let hosts =
        [
            "https://", "https:///", "https:///127.0.0.1/", "https://?a=b", "https://#", "https://:443/", "https://.",
            "https://..",
            "https://./", "https://.example.org/", "https://hooks..example.org/", "https://hooks.example.org./",
            "https://127.0.0.1./",
            "https://localhost./", "https://169.254.169.254./", "https://-hooks.example.org/", "https://hooks-.example.org/",
            "https://hooks_.example.org/", "https://_dmarc.example.org/", "https://*.example.org/", "https://hooks,example.org/",
            "https://hooks.example.org,127.0.0.1/", "https://hooks!.example.org/", "https://hooks.example.org&127.0.0.1/",
            "https://hooks.example.org;127.0.0.1/", "https://$IFS.example.org/", "https://(127.0.0.1)/", "https://127.0.0.1'/",
            "https://a=b.example.org/", "https://a+b.example.org/", "https://a~b.example.org/",
            "https://\(String(repeating: "a", count: 64)).example.org/",
            "https://\(String(repeating: "a23456789.", count: 26))org/",
            // Percent signs in a host.
            "https://%31%32%37.0.0.1/", "https://127%2E0%2E0%2E1/", "https://%6c%6f%63%61%6c%68%6f%73%74/",
            "https://hooks%2Eexample.org/",
            "https://127.0.0.1%00.example.org/", "https://127.0.0.1%23.example.org/", "https://127.0.0.1%2f.example.org/",
            "https://example.org%09/", "https://hooks.example.org%0d%0aX-Evil:1/", "https://%5B::1%5D/",
            "https://%E2%91%A0.example.org/",
            // Numbers that a resolver takes for an address: whole, shortened, octal, hexadecimal, mixed, overflowing.
            "https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0X7F000001/", "https://0x7f.1/",
            "https://127.1/", "https://127.0.1/", "https://0177.0.0.1/", "https://0177.0.0.01/", "https://0x7f.0x0.0x0.0x1/",
            "https://0x7f.0.0.1/", "https://127.0.0.01/", "https://127.000.000.001/", "https://0/", "https://00/", "https://0.0/",
            "https://1/", "https://256.256.256.256/", "https://127.0.0.256/", "https://383.0.0.1/", "https://4294967297/",
            "https://18446744073709551617/", "https://2852039166/", "https://0xA9FEA9FE/", "https://0251.0376.0251.0376/",
            "https://0251.254.169.254/", "https://169.254.43518/", "https://169.16689662/", "https://0x41414141A9FEA9FE/",
            "https://425.510.425.510/", "https://7147006462/", "https://10.1/", "https://192.168.257/", "https://3232235521/",
            "https://0300.0250.0.1/", "https://127.0.0.1.1/", "https://1.2.3.4.5/", "https://127..0.1/", "https://.127.0.0.1/",
            "https://+127.0.0.1/", "https://-1/", "https://127.0.0.-1/", "https://1e3/", "https://127.0.0.1e0/",
            "https://0b1111111/",
            "https://0o177.0.0.1/", "https://127.0x0.1/", "https://hooks.example.1/", "https://hooks.example.0x1/",
            "https://hooks.127.0.0.1/",
            // Brackets.
            "https://[]/", "https://[::1/", "https://::1/", "https://::1]/", "https://[[::1]]/", "https://[::1]x/",
            "https://[::1].example.org/",
            "https://[127.0.0.1]/", "https://[hooks.example.org]/", "https://[:::1]/", "https://[1::2::3]/",
            "https://[1:2:3:4:5:6:7]/",
            "https://[1:2:3:4:5:6:7:8:9]/", "https://[1:2:3:4:5:6:7::8]/", "https://[::12345]/", "https://[::g]/",
            "https://[::ffff:127.1]/",
            "https://[::ffff:0177.0.0.1]/", "https://[::ffff:127.0.0.1.1]/", "https://[::127.0.0.1:1]/",
            "https://[fe80::1%25eth0]/",
            "https://[fe80::1%251]/", "https://[::1%25]/", "https://[v1.fe80::a]/", "https://[v7.localhost]/",
            "https://[2001:db8::1:]/",
            "https://[:2001::1]/", "https://[0:0:0:0:0:0:0:0:1]/", "https://[::1", "https://[", "https://]",
        ].map { Trick($0, .host) }

    private static let localNames =
        [
            "https://localhost/", "https://LOCALHOST/", "https://LocalHost:443/", "https://db/", "https://intranet/",
            "https://metadata/",
            "https://kubernetes/", "https://a.localhost/", "https://a.b.LOCALHOST/", "https://localhost.localdomain/",
            "https://printer.local/", "https://metadata.google.internal/computeMetadata/v1/", "https://host.docker.internal/",
            "https://kubernetes.default.svc.cluster.local/", "https://instance-data.ec2.internal/", "https://router.lan/",
            "https://nas.home/", "https://nas.home.arpa/", "https://wiki.corp/", "https://a.intranet/", "https://a.private/",
            "https://hidden.onion/", "https://a.test/", "https://a.invalid/", "https://a.example/", "https://a.alt/",
            "https://1.0.0.127.in-addr.arpa/", "https://1.0.0.0.ip6.arpa/", "https://com/", "https://ip6-localhost/",
        ].map { Trick($0, .localName) }

    private static let ports =
        [
            "https://hooks.example.org:/", "https://hooks.example.org:0/", "https://hooks.example.org:00443/",
            "https://hooks.example.org:0443/",
            "https://hooks.example.org:80/", "https://hooks.example.org:22/", "https://hooks.example.org:25/",
            "https://hooks.example.org:5432/",
            "https://hooks.example.org:6379/", "https://hooks.example.org:8443/", "https://hooks.example.org:65535/",
            "https://hooks.example.org:65536/", "https://hooks.example.org:65979/", "https://hooks.example.org:4294967739/",
            "https://hooks.example.org:-443/", "https://hooks.example.org:+443/", "https://hooks.example.org:443x/",
            "https://hooks.example.org:0x1bb/", "https://hooks.example.org:443:443/", "https://hooks.example.org:%34%34%33/",
            "https://hooks.example.org:https/", "https://93.184.215.14:22/", "https://[2606:2800:21f::1]:22/",
            "https://127.0.0.1:6379:443/",
            "https://localhost.example.org:99999999999999999999/",
        ].map { Trick($0, .port) } + [
            Trick("https://hooks.example.org/#", .fragment), Trick("https://hooks.example.org#@127.0.0.1/", .fragment),
            Trick("https://hooks.example.org/#/../..", .fragment), Trick("https://hooks.example.org?#", .fragment),
        ]

    // MARK: As an address

    private static let literals =
        [
            "127.0.0.1", "127.0.0.0", "127.255.255.254", "127.127.127.127", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255",
            "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "100.64.0.1", "100.127.255.255", "169.254.0.1",
            "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.0.1", "192.0.0.170",
            "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.255", "192.88.99.1", "224.0.0.1",
            "239.255.255.255",
            "233.252.0.1", "240.0.0.1", "255.255.255.254", "255.255.255.255", "192.31.196.1", "192.52.193.1", "192.175.48.1",
            "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[0::1]", "[::0.0.0.1]",
            "[fe80::1]",
            "[FE80::1]", "[febf::1]", "[fec0::1]", "[feff::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd20:ce::254]", "[fdff::1]",
            "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[2001:2::1]", "[2001:10::1]", "[2001:20::1]",
            "[5f00::1]", "[4000::1]", "[8000::1]", "[1::1]", "[3ffe::1]", "[2620:4f:8000::1]",
        ].map { Trick("https://\($0)/", .address) }

    /// IPv4 addresses that came in another coat.
    private static let embedded =
        [
            "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:7f00:0001", "0:0:0:0:0:ffff:127.0.0.1", "::FFFF:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::ffff:93.184.215.14", "::127.0.0.1", "::7f00:1", "::a9fe:a9fe",
            "::93.184.215.14", "::ffff:0:127.0.0.1", "::ffff:0:7f00:1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "64:ff9b:1:ffff::1", "2002:7f00:1::", "2002:a9fe:a9fe::",
            "2002:0a00:0001::1",
            "2002:c0a8:0101::1", "2002:5db8:d70e::1", "2001::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
            "2001:0:7f00:1:0:0:f5ff:fffe",
        ].map { Trick("https://[\($0)]/", .address) }

    // MARK: As what a name stands for

    private static let resolved =
        [
            ["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["100.100.100.200"], ["168.63.129.16"], ["0.0.0.0"], ["::1"],
            ["::"],
            ["fe80::1"], ["fd00::1"], ["::ffff:127.0.0.1"], ["::ffff:93.184.215.14"], ["64:ff9b::7f00:1"], ["2002:7f00:1::"],
            // One bad address among good ones, wherever it stands.
            ["93.184.215.14", "127.0.0.1"], ["127.0.0.1", "93.184.215.14"], ["2606:2800:21f::1", "93.184.215.14", "192.168.0.1"],
            ["2606:2800:21f::1", "::1"], ["93.184.215.14", "fe80::1", "93.184.215.14"],
        ].flatMap { addresses in
            ["https://127.0.0.1.nip.io/", "https://rebind.example.org/hook?x=https://hooks.example.org/"].map {
                Trick($0, .address, standingFor: addresses)
            }
        } + [Trick("https://nobody.example.org/", .unknownName, standingFor: [])]
}
