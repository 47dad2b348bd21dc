#pragma once

#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include <string>

// LLVM's C interface, loaded when the first formula is worth compiling. Linking it would cost every program that uses
// nabla 16 ms at its start, and would keep it from starting where LLVM is not installed.

namespace nabla::formula {

#define NABLA_LLVM_FUNCTIONS(USE)                        \
  USE(AddAttributeAtIndex)                               \
  USE(AddFunction)                                       \
  USE(AddIncoming)                                       \
  USE(AppendBasicBlockInContext)                         \
  USE(BuildAdd)                                          \
  USE(BuildAlloca)                                       \
  USE(BuildBitCast)                                      \
  USE(BuildBr)                                           \
  USE(BuildCall2)                                        \
  USE(BuildCondBr)                                       \
  USE(BuildFAdd)                                         \
  USE(BuildFCmp)                                         \
  USE(BuildFDiv)                                         \
  USE(BuildFMul)                                         \
  USE(BuildFNeg)                                         \
  USE(BuildFPTrunc)                                      \
  USE(BuildFSub)                                         \
  USE(BuildGEP2)                                         \
  USE(BuildICmp)                                         \
  USE(BuildInsertElement)                                \
  USE(BuildLoad2)                                        \
  USE(BuildMul)                                          \
  USE(BuildOr)                                           \
  USE(BuildPhi)                                          \
  USE(BuildRetVoid)                                      \
  USE(BuildSIToFP)                                       \
  USE(BuildSelect)                                       \
  USE(BuildShuffleVector)                                \
  USE(BuildStore)                                        \
  USE(ConstInt)                                          \
  USE(ConstIntToPtr)                                     \
  USE(ConstNull)                                         \
  USE(ConstReal)                                         \
  USE(ConstVector)                                       \
  USE(CreateBuilderInContext)                            \
  USE(CreatePassBuilderOptions)                          \
  USE(CreateStringAttribute)                             \
  USE(CreateTargetMachine)                               \
  USE(DisposeBuilder)                                    \
  USE(DisposeMessage)                                    \
  USE(DisposeErrorMessage)                               \
  USE(DisposeModule)                                     \
  USE(DisposePassBuilderOptions)                         \
  USE(DoubleTypeInContext)                               \
  USE(FloatTypeInContext)                                \
  USE(FunctionType)                                      \
  USE(GetBasicBlockParent)                               \
  USE(GetDefaultTargetTriple)                            \
  USE(GetErrorMessage)                                   \
  USE(GetHostCPUFeatures)                                \
  USE(GetHostCPUName)                                    \
  USE(GetInsertBlock)                                    \
  USE(GetIntrinsicDeclaration)                           \
  USE(GetMDKindIDInContext)                              \
  USE(GetNamedFunction)                                  \
  USE(GetParam)                                          \
  USE(GetTargetFromTriple)                               \
  USE(GetUndef)                                          \
  USE(InitializeX86AsmPrinter)                           \
  USE(InitializeX86Target)                               \
  USE(InitializeX86TargetInfo)                           \
  USE(InitializeX86TargetMC)                             \
  USE(Int32TypeInContext)                                \
  USE(Int64TypeInContext)                                \
  USE(Int8TypeInContext)                                 \
  USE(IntTypeInContext)                                  \
  USE(LookupIntrinsicID)                                 \
  USE(MDNodeInContext2)                                  \
  USE(MetadataAsValue)                                   \
  USE(ModuleCreateWithNameInContext)                     \
  USE(OrcCreateLLJIT)                                    \
  USE(OrcCreateLLJITBuilder)                             \
  USE(OrcCreateNewThreadSafeContext)                     \
  USE(OrcCreateNewThreadSafeModule)                      \
  USE(OrcDisposeThreadSafeContext)                       \
  USE(OrcJITDylibCreateResourceTracker)                  \
  USE(OrcJITTargetMachineBuilderCreateFromTargetMachine) \
  USE(OrcLLJITAddLLVMIRModuleWithRT)                     \
  USE(OrcLLJITBuilderSetJITTargetMachineBuilder)         \
  USE(OrcLLJITGetMainJITDylib)                           \
  USE(OrcLLJITLookup)                                    \
  USE(OrcReleaseResourceTracker)                         \
  USE(OrcResourceTrackerRemove)                          \
  USE(OrcThreadSafeContextGetContext)                    \
  USE(PointerType)                                       \
  USE(PositionBuilderAtEnd)                              \
  USE(RunPasses)                                         \
  USE(SetAlignment)                                      \
  USE(SetMetadata)                                       \
  USE(SetValueName2)                                     \
  USE(ValueAsMetadata)                                   \
  USE(VectorType)                                        \
  USE(VoidTypeInContext)

struct Llvm {
// NOLINTNEXTLINE(bugprone-macro-parentheses): it is the name that is declared
#define NABLA_DECLARE(name) decltype(&LLVM##name) name = nullptr;
  NABLA_LLVM_FUNCTIONS(NABLA_DECLARE)
#undef NABLA_DECLARE
  std::string missing;  // why it can't be used; empty: it can
};

/// Loads it on the first call.
const Llvm& llvm();

}  // namespace nabla::formula
