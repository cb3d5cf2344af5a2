public import Notation

/// How far the clinic has come in replacing the system it had before (GF-6), and what that means for whoever wants an appointment. Part of the
/// directory, so every booking is decided by one phase and a change of it waits for all that are being decided.
public struct Replacement: Sendable, Equatable {
    public enum Phase: String, Sendable, CaseIterable {
        /// There is nothing to replace.
        case off
        /// The other system is the truth. What is asked of it is decided here as well and compared, with no effect on anybody.
        case shadow
        /// A share of the patients books here, with the other system's agreement; all others book there.
        case dual
        /// This clinic is the truth, and the other system is kept in step so that there is a way back.
        case switched
        /// On the way back: nobody books until the other system has everything.
        case returning

        /// Where one may go from here. Back from `switched` leads over `returning`.
        public var next: [Phase] {
            switch self {
            case .off: [.shadow]
            case .shadow: [.dual, .off]
            case .dual: [.switched, .shadow]
            case .switched: [.returning, .off]
            case .returning: [.dual, .switched]
            }
        }
    }

    /// Percent of the patients.
    public static let shares = 1...5
    /// What the other system is called where an appointment has to have its agreement.
    public static let provider = "legacy"

    public var phase: Phase
    /// Percent of the patients who book here while both are in use.
    public var share: Int

    public init(phase: Phase = .off, share: Int = 1) {
        self.phase = phase
        self.share = share
    }

    /// Whether a patient books here. Who does at one share does at every larger one.
    public func takesBookings(of patient: ID<Participant>) -> Bool {
        switch phase {
        case .off, .switched: true
        case .shadow, .returning: false
        case .dual: Self.place(of: patient) < share
        }
    }

    /// Whether what is booked here needs the other system's agreement. Where nobody books here that is what was held before and is paid now.
    public var asks: Bool { phase == .shadow || phase == .dual || phase == .returning }
    /// Whether what the other system has, and is no appointment here yet, takes its time here.
    public var blocks: Bool { phase == .dual || phase == .switched || phase == .returning }
    /// Whether the other system's word about its own appointments counts.
    public var follows: Bool { phase == .shadow || phase == .dual }
    /// Whether changes are carried there. Whoever looks on again has appointments of their own there still, and may give them up.
    public var mirrors: Bool { phase != .off }

    /// 0..<100, the same for a patient on every machine for good (the finalizer of SplitMix64).
    static func place(of patient: ID<Participant>) -> Int {
        var mixed = patient.high ^ patient.low
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % 100)
    }
}
