"""VTK algorithms of the neural file: compress, resample, sample, read and write. Nothing here imports ParaView."""
