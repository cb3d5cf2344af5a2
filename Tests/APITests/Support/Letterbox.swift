import Letters
import Synchronization

/// Keeps the letters the clinic sends.
final class Letterbox: LetterCarrier {
    private let kept = Mutex<[Letter]>([])

    func carry(_ letter: Letter) async -> Handover {
        kept.withLock { $0.append(letter) }
        return .done
    }

    var letters: [Letter] { kept.withLock { $0 } }

    /// What stands by itself in the newest letter to an address that has something to do in it.
    func code(to address: String) -> String? {
        letters.reversed().lazy.filter { $0.to == MailAddress(address) }.compactMap { letter in
            letter.words.text.split(separator: "\n").first { $0.hasPrefix("mcl_") }.map(String.init)
        }.first
    }
}
