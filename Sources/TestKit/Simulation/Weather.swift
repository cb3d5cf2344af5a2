import Notation
import Storage

/// What can go wrong with one write.
enum Fault: String, CaseIterable, Sendable {
    /// Refused at the door.
    case overloaded
    /// The body ran and was rolled back, and the caller is told so.
    case failedBeforeCommit = "failed before the commit"
    /// It was committed, and nobody can say so.
    case unknownAfterCommit = "unknown after a commit"
    /// It was rolled back, and nobody can say so.
    case unknownAfterRollback = "unknown after a rollback"
    /// Rolled back and run again, as after a serialization failure.
    case ranTwice = "body ran twice"
}

/// How rough one seed is. Each kind of trouble is absent in some seeds and frequent in others: trouble of one kind is
/// found more often when the others do not drown it.
struct Weather: Sendable {
    private let faults: [Int]
    /// In a thousand visits to the database, how many are longer than a worker's lease.
    let pauses: Int
    /// In a thousand turns of the director, how often clocks are set back, and how often a program dies.
    let clockSetBack: Int
    let crashes: Int
    /// By how much the clock of a program may differ from the others'.
    let skew: Span

    init(_ random: SeededRandom) {
        faults = Fault.allCases.map { _ in [0, 10, 40][random.below(3)] }
        pauses = [0, 10, 40][random.below(3)]
        clockSetBack = [0, 200][random.below(2)]
        crashes = [0, 150, 400][random.below(3)]
        skew = [.zero, World.largestSkew][random.below(2)]
    }

    func fault(_ random: SeededRandom) -> Fault? {
        var roll = random.below(1000)
        for (index, chance) in faults.enumerated() {
            if roll < chance { return Fault.allCases[index] }
            roll -= chance
        }
        return nil
    }
}
