"""The preset dictionary that headers are deflated against.

It is typical headers: what a header repeats of them costs next to nothing. It is part of the format and never
changes. Deflate counts back from the end, so that of version 2, which has more in front, opens version 1 too.
"""

from __future__ import annotations

# fmt: off
FIRST_DICTIONARY = (
    b'"float64""int16""uint8""int32""uint16""int8""float16""int64""uint32""uint64""bool"'
    b'"levels":3,"name":"haar","rec_hi":[0.7071067811865476,-0.7071067811865476],"rec_lo":[0.7071067811865476,0.70'
    b'71067811865476]}'
    b'"levels":3,"name":"db4","rec_hi":[-0.010597401785069032,-0.0328830116668852,0.030841381835560764,0.187034811'
    b'71909309,-0.027983769416859854,-0.6308807679298589,0.7148465705529157,-0.2303778133088965],"rec_lo":[0.23037'
    b'78133088965,0.7148465705529157,0.6308807679298589,-0.027983769416859854,-0.18703481171909309,0.0308413818355'
    b'60764,0.0328830116668852,-0.010597401785069032]}'
    b'"levels":3,"name":"db2","rec_hi":[-0.12940952255126037,-0.2241438680420134,0.8365163037378079,-0.48296291314'
    b'453416],"rec_lo":[0.48296291314453416,0.8365163037378079,0.2241438680420134,-0.12940952255126037]}'
    b'{"$number":"inf"}{"$number":"-inf"}{"$number":"nan"}"layout":"packed""layout":"dense""codebooks":[256,256],"'
    b'layout":"masked","same_as":0}'
    b'"date":"20","parameters":"passes":"seconds":"train_seconds":"stopped_early":false,"kept_fraction":0.,"cuda",'
    b'"cpu","torch":"2.","numpy":"1.","platform":"python":"3.","version":"0.1.0","settings":'
    b'"spec":{"components":1,"half_extent":[1.0,1.0,1.0],"hidden":[64,64,64,64],"kind":"neurcomp","omega":30.0,"re'
    b'sidual":true,"version":1,"width":64}"kind":"constant","version":1}'
    b'{"fields":[{"dtype":"float32","geometry":{"association":"cell","dims":[256,256,256],"direction":[1.0,0.0,0.0'
    b',0.0,1.0,0.0,0.0,0.0,1.0],"origin":[0.0,0.0,0.0],"spacing":[1.0,1.0,1.0],"start":[0,0,0]},"groups":[{"arrays'
    b'":[0,1,2,3],"bits":8,"layout":"shared","sections":[["zstd",1,1,1],["deflate",1,1,1],["raw",1,1,1]],"steps":['
    b'0.0]},{"arrays":[4,5,6,7,8,9,10,11],"bits":16,"layout":"dense","sections":[["raw"]],"steps":[0.0]}],"name":"'
    b'values","original_bytes":1,"provenance":{"settings":{"device":"auto","fvsrn":{"features":4,"frequencies":4,"'
    b'grid":null,"layers":3,"learning_rate":0.01,"levels":3,"wavelet":"bior4.4","width":null},"network":"fvsrn","n'
    b'eurcomp":{"blocks":4,"learning_rate":0.001,"omega":30.0,"residual":true,"width":null},"pruner":"smallify","q'
    b'uantise":{"grid_bits":8,"method":"uniform","weight_bits":16},"seed":0,"smallify":{"initial":"normal","lambda'
    b'_beta":1e-06,"lambda_weight":1e-07,"momentum":0.02,"threshold":0.5},"target":{"bytes":null,"ratio":null},"tr'
    b'aining":{"batch":32768,"final_rate":0.02,"fine_tune_rate":0.5,"passes":null,"prune_share":0.6666666666666666'
    b',"sampler":"lattice","seconds":null}}},"quality":{"max_error":0.0,"psnr":4,"rmse":0.0,"ssim":0.9},"range":[['
    b'-1.0,1.0]],"spec":{"components":1,"features":4,"frequencies":4,"grid":[16,16,16],"half_extent":[1.0,1.0,1.0]'
    b',"kind":"fvsrn","version":1,"wavelet":{"levels":3,"name":"bior4.4","rec_hi":[0.0,-0.03782845550726404,-0.023'
    b'849465019556843,0.11062440441843718,0.37740285561283066,-0.8526986790088938,0.37740285561283066,0.1106244044'
    b'1843718,-0.023849465019556843,-0.03782845550726404],"rec_lo":[0.0,-0.06453888262869706,-0.04068941760916406,'
    b'0.41809227322161724,0.7884856164055829,0.41809227322161724,-0.04068941760916406,-0.06453888262869706,0.0,0.0'
    b']},"widths":[32,32,32]},"time":0.0,"units":"m/s","valid":{"form":"rows","section":["deflate"]},"vector":true'
    b'}],"generator":"paraview-srn 0.1.0"}'
)
DICTIONARY = (
    b'"torch is not installed","form":"nested""max_error":"0.1%","ratio":50.0,"psnr":60.0,"same_as":0"bits":8,'
    b'"layout":"entropy","sections":[["raw",1,1,1]],"steps":[0.0,0.0]},{"arrays":[1,2,3,4,5,6],"wavelet":{"gro'
    b'ups":[["zyx",5]],"high":[-1.0606601717798214,0.3535533905932738,0.1767766952966369],"low":[0.70710678118'
    b'65476,0.3535533905932738],"name":"bior2.2"},"widths":[]}"wavelet":{"groups":[["z",2],["yx",4]],"high":[-'
    b'0.8526986790088938,0.37740285561283066,0.11062440441843718,-0.023849465019556843,-0.03782845550726404],"'
    b'low":[0.7884856164055829,0.41809227322161724,-0.04068941760916406,-0.06453888262869706],"name":"bior4.4"'
    b'},"widths":[]}{"fields":[{"corrections":{"mask":{"form":"nested","section":["raw",1,1,1]},"section":["ra'
    b'w",1,1,1],"step":0.0},"dtype":"float32","geometry":{"dims":[128,128,128],"spacing":[1.0,1.0,1.0]},"group'
    b's":[{"arrays":[0],"bits":25,"layout":"pyramid","sections":[["raw",1,1,1]],"steps":[0.0]},{"arrays":[1,2,'
    b'3,4,5,6],"bits":8,"layout":"entropy","sections":[["raw",1,1,1]],"steps":[0.0]}],"name":"velocity","origi'
    b'nal_bytes":1,"plateau":{"mask":{"form":"nested","section":["raw",1,1,1]},"values":[0.0]},"provenance":{"'
    b'settings":{"target":{"bytes":1,"max_error":"1%","psnr":60.0,"ratio":100.0},"training":{"seconds":60.0}}}'
    b',"quality":{"max_error":0.,"psnr":4,"rmse":0.,"ssim":0.9},"range":[[0.0,1.0]],"spec":{"components":1,"fe'
    b'atures":1,"filter":[8,8],"frequencies":0,"grid":[128,128,128],"half_extent":[1.0,1.0,1.0],"kind":"fvsrn"'
    b',"skip":true,"version":2,"wavelet":{"groups":[["zyx",4]],"high":[-0.825922997,0.420796285,0.094059203,-0'
    b'.077263173,-0.049732903,0.011934565,0.01699064,-0.001914286,-0.001908832],"low":[0.758907729,0.417849109'
    b',-0.040367979,-0.078722001,0.014467505,0.014426283],"name":"bior6.8"},"widths":[]}}],"generator":"paravi'
    b'ew-srn 0.1.0"}'
) + FIRST_DICTIONARY
# fmt: on
