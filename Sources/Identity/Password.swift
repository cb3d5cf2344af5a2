public import Notation

/// What somebody typed as their password, byte for byte: nothing is cut, folded or trimmed (ASVS 6.2.8).
public struct Password: Sendable {
    let personal: Personal<String>
    /// As C takes them, with a zero behind.
    var characters: [CChar] { personal.revealed.utf8.map(CChar.init(bitPattern:)) + [0] }

    public init(_ text: String) { personal = Personal(text) }
}

/// Why a password cannot be chosen.
public enum PasswordFlaw: String, Sendable, CaseIterable {
    case tooShort, tooLong, tooCommon

    public var sentence: String {
        switch self {
        case .tooShort: "must have at least \(Password.lengths.lowerBound) characters"
        case .tooLong: "must have at most \(Password.lengths.upperBound) characters"
        case .tooCommon: "is one of those that are tried first; three unrelated words are better"
        }
    }
}

extension Password {
    /// In characters as Unicode counts code points (NIST SP 800-63B §5.1.1.2).
    public static let lengths = 8...128

    /// What keeps it from being chosen; nil when nothing does. There are no rules of composition: length is what counts.
    ///
    /// - Parameter names: what everybody knows of the person: their login, the clinic's name.
    public func flaw(knowing names: [String] = []) -> PasswordFlaw? {
        let count = personal.revealed.unicodeScalars.count
        if count < Self.lengths.lowerBound { return .tooShort }
        if count > Self.lengths.upperBound { return .tooLong }
        return CommonPasswords(knowing: names).contain(personal.revealed) ? .tooCommon : nil
    }
}

/// What is tried first: the words people choose, however they dress them up, walks over the keyboard, counting, one thing again and
/// again, and what everybody knows of the person.
struct CommonPasswords {
    private let words: Set<String>

    init(knowing names: [String]) {
        let parts = names.flatMap { $0.split { !$0.isLetter && !$0.isNumber } }.map { Self.plain(String($0)) }
        words = Self.chosen.union(parts.filter { $0.count >= 4 })
    }

    func contain(_ text: String) -> Bool {
        let plain = Self.plain(text)
        let core = plain.filter(\.isLetter)
        if Self.isWalk(text.lowercased()) || Self.isWalk(plain) { return true }
        // Two walks at once: `1q2w3e4r`.
        let every = Array(text.lowercased())
        let halves = [0, 1].map { start in String(stride(from: start, to: every.count, by: 2).map { every[$0] }) }
        if halves.allSatisfy(Self.isWalk) { return true }
        // `Summer2026!`, `p@ssw0rd1`, `clinicclinic`: a word, what it is dressed up with, and little else.
        let stems = [plain, core, String(text.lowercased().filter(\.isLetter))]
        for stem in stems where !stem.isEmpty {
            if words.contains(stem) || words.contains(Self.half(of: stem)) { return true }
        }
        // Nothing but such words, one after the other.
        let rest = words.filter { $0.count >= 4 }.sorted { $0.count > $1.count }.reduce(core) { $0.replacing($1, with: "") }
        if rest.count < 3 && core.count - rest.count >= 4 { return true }
        return words.contains { word in
            word.count >= 4 && stems.contains { $0.hasPrefix(word) || $0.hasSuffix(word) } && core.count - word.count < 3
        }
    }

    /// In small letters, with the usual signs read as the letters they stand for.
    private static func plain(_ text: String) -> String {
        String(text.lowercased().map { disguises[$0] ?? $0 })
    }

    private static let disguises: [Character: Character] = [
        "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i", "|": "l", "+": "t",
    ]

    private static func half(of text: String) -> String {
        guard text.count % 2 == 0, text.prefix(text.count / 2) == text.suffix(text.count / 2) else { return text }
        return String(text.prefix(text.count / 2))
    }

    /// Whether three of four steps go to a neighbour on the keyboard or in the order of signs, or stay.
    private static func isWalk(_ text: String) -> Bool {
        let signs = Array(text.unicodeScalars)
        guard signs.count >= 4 else { return true }
        if Set(signs).count <= 2 { return true }
        let steps = zip(signs, signs.dropFirst()).count { left, right in
            abs(Int(left.value) - Int(right.value)) <= 1 || neighbours.contains("\(left)\(right)")
        }
        return steps * 4 >= (signs.count - 1) * 3
    }

    private static let neighbours: Set<String> = {
        var pairs: Set<String> = []
        for row in [
            "1234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "1qaz", "2wsx", "3edc", "4rfv",
            "azertyuiop",
        ] {
            for (left, right) in zip(row, row.dropFirst()) { pairs.formUnion(["\(left)\(right)", "\(right)\(left)"]) }
        }
        return pairs
    }()

    private static let chosen: Set<String> = Set(
        """
        password passwort passcode parola letmein welcome willkommen login admin administrator root user guest test demo default
        changeme secret geheim hello hallo iloveyou sunshine princess football baseball basketball monkey dragon master shadow
        superman batman pokemon starwars michael jordan jennifer charlie thomas daniel andrea nicole jessica ashley freedom whatever
        trustno computer internet samsung google facebook summer winter spring autumn sommer herbst january february march april
        june july august september october november december monday tuesday wednesday thursday friday saturday sunday hospital
        clinic klinik doctor nurse patient health medical medicine pharmacy surgery praxis mediconnect appointment flower cookie
        chocolate liverpool chelsea arsenal mustang corvette ferrari mercedes porsche ginger pepper buster killer hunter ranger
        soccer hockey maggie access abcdef abcabc qwerty qwertz azerty asdfgh zxcvbn
        """.split { $0 == " " || $0 == "\n" }.map(String.init))
}
